//! The estimators, each as a mean of scores of the rows: their spread gives its errors.

use super::Options;
use super::log::{Log, Row};
use super::target::Shares;
use crate::Error;
use crate::inference::sequence_width;
use serde::Serialize;

/// One minus the confidence of every interval.
const ALPHA: f64 = 0.05;
/// The normal quantile of a two-sided 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

/// A value with its errors, in the log's unit per exposure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Short name of the method.
    pub name: &'static str,
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub se: f64,
    /// Lower end of the 95 % interval for a single look.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// Lower end of the asymptotic confidence sequence: 95 % at all looks together.
    pub sequence_low: f64,
    /// Upper end of it.
    pub sequence_high: f64,
}

impl Estimate {
    /// `width` is half that of the confidence sequence, for scores of standard deviation 1 after as many rows.
    fn new(name: &'static str, value: f64, se: f64, rows: f64, width: f64) -> Self {
        let width = se * rows.sqrt() * width;
        Self {
            name,
            value,
            se,
            low: value - Z * se,
            high: value + Z * se,
            sequence_low: value - width,
            sequence_high: value + width,
        }
    }
}

/// The log with the weight of each row.
pub(super) struct Weighted<'a> {
    log: &'a Log,
    shares: &'a Shares,
    options: &'a Options,
    weights: Vec<f64>,
    /// Half the width of the confidence sequence of scores with standard deviation 1.
    width: f64,
}

/// Number and mean of an arm's rewards, and the sum of squares around the mean.
#[derive(Clone, Copy, Default)]
struct Rewards {
    count: f64,
    mean: f64,
    squares: f64,
}

impl<'a> Weighted<'a> {
    pub(super) fn new(log: &'a Log, shares: &'a Shares, options: &'a Options) -> Result<Self, Error> {
        let weight = |(index, row): (usize, &Row)| match shares.at(index) {
            Some(shares) => shares.get(row.arm as usize).map_or(0.0, |share| share / row.propensity),
            None => 1.0,
        };
        let weights = log.rows().iter().enumerate().map(weight).collect();
        let width = sequence_width(log.len() as f64, ALPHA, options.planned_rows)?;
        Ok(Self { log, shares, options, weights, width })
    }

    fn rows(&self) -> f64 {
        self.weights.len() as f64
    }

    /// Each row with its weight.
    fn weighted(&self) -> impl Iterator<Item = (&Row, f64)> {
        self.log.rows().iter().zip(self.weights.iter().copied())
    }

    pub(super) fn effective_sample_size(&self) -> f64 {
        let sum: f64 = self.weights.iter().sum();
        let squares: f64 = self.weights.iter().map(|weight| weight * weight).sum();
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }

    pub(super) fn mean_weight(&self) -> (f64, f64) {
        mean(&self.weights)
    }

    /// Mean over all rows of the target's share of each arm.
    pub(super) fn mean_shares(&self) -> Vec<f64> {
        let Some(of_batch) = &self.shares.of_batch else { return Vec::new() };
        let mut means = vec![0.0; self.log.arms().len()];
        for (rows, shares) in self.log.rows().chunks(self.shares.batch).zip(of_batch) {
            let part = rows.len() as f64 / self.rows();
            means.iter_mut().zip(shares).for_each(|(mean, share)| *mean += part * share);
        }
        means
    }

    /// The mean reward of the logged decisions.
    pub(super) fn logged(&self) -> Estimate {
        self.of_scores("logged", &self.weighted().map(|(row, _)| row.reward).collect::<Vec<_>>())
    }

    pub(super) fn estimates(&self) -> Vec<Estimate> {
        let scores = |name, score: &dyn Fn(&Row, f64) -> f64| {
            self.of_scores(name, &self.weighted().map(|(row, weight)| score(row, weight)).collect::<Vec<_>>())
        };
        let mut all = vec![scores("ips", &|row, weight| weight * row.reward)];
        all.extend(self.self_normalised());
        all.push(scores("clipped_ips", &|row, weight| weight.min(self.options.clip) * row.reward));
        if let Some(of_batch) = &self.shares.of_batch {
            all.push(self.direct());
            all.push(self.doubly_robust(of_batch));
        }
        all
    }

    fn of_scores(&self, name: &'static str, scores: &[f64]) -> Estimate {
        let (value, se) = mean(scores);
        self.estimate(name, value, se)
    }

    fn estimate(&self, name: &'static str, value: f64, se: f64) -> Estimate {
        Estimate::new(name, value, se, self.rows(), self.width)
    }

    /// The ratio of means; its error is that of the influence of each row, `w (r - v) / mean w`. Nothing where the
    /// target never plays what the log played.
    fn self_normalised(&self) -> Option<Estimate> {
        let total: f64 = self.weights.iter().sum();
        let value = self.weighted().map(|(row, weight)| weight * row.reward).sum::<f64>() / total;
        let scores: Vec<f64> = self
            .weighted()
            .map(|(row, weight)| weight * (row.reward - value) * self.rows() / total)
            .collect();
        (total > 0.0).then(|| self.estimate("snips", value, mean(&scores).1))
    }

    /// The direct method: each arm's mean reward, weighted with the target's mean share; its error is that of the means.
    fn direct(&self) -> Estimate {
        let (arms, shares) = (self.rewards(|_| true), self.mean_shares());
        let variance: f64 =
            shares.iter().zip(&arms).map(|(share, arm)| share * share * arm.variance_of_mean()).sum();
        self.estimate("dm", dot(&shares, &means(&arms)), variance.sqrt())
    }

    fn doubly_robust(&self, of_batch: &[Vec<f64>]) -> Estimate {
        let folds = self.options.folds;
        let models: Vec<Vec<f64>> =
            (0..folds).map(|fold| means(&self.rewards(|index| fold_of(index, folds) != fold))).collect();
        // One number per batch and fold: what the model says of the target's shares.
        let expected: Vec<Vec<f64>> =
            of_batch.iter().map(|shares| models.iter().map(|model| dot(shares, model)).collect()).collect();
        let score = |(index, (row, weight)): (usize, (&Row, f64))| {
            let fold = fold_of(index, folds) as usize;
            let model = models.get(fold).and_then(|model| model.get(row.arm as usize)).copied();
            let all = expected.get(index / self.shares.batch).and_then(|of_fold| of_fold.get(fold)).copied();
            all.unwrap_or(0.0) + weight * (row.reward - model.unwrap_or(0.0))
        };
        self.of_scores("dr", &self.weighted().enumerate().map(score).collect::<Vec<_>>())
    }

    /// Each arm's rewards in the rows that are asked for by their number.
    fn rewards(&self, is_in: impl Fn(usize) -> bool) -> Vec<Rewards> {
        let mut arms = vec![Rewards::default(); self.log.arms().len()];
        for (_, row) in self.log.rows().iter().enumerate().filter(|(index, _)| is_in(*index)) {
            if let Some(arm) = arms.get_mut(row.arm as usize) {
                arm.observe(row.reward);
            }
        }
        arms
    }
}

impl Shares {
    /// The target's shares for the row with this number.
    fn at(&self, index: usize) -> Option<&Vec<f64>> {
        self.of_batch.as_ref()?.get(index / self.batch)
    }
}

impl Rewards {
    /// Source: Welford (1962), doi:10.1080/00401706.1962.10490022.
    fn observe(&mut self, reward: f64) {
        let before = reward - self.mean;
        self.count += 1.0;
        self.mean += before / self.count;
        self.squares += before * (reward - self.mean);
    }

    /// Squared standard error of the mean; 0 of nothing.
    fn variance_of_mean(&self) -> f64 {
        if self.count > 0.0 { self.squares / self.count / self.count } else { 0.0 }
    }
}

/// Each arm's mean reward; that of all rows for an arm without any.
fn means(arms: &[Rewards]) -> Vec<f64> {
    let count: f64 = arms.iter().map(|arm| arm.count).sum();
    let sum: f64 = arms.iter().map(|arm| arm.count * arm.mean).sum();
    let pooled = if count > 0.0 { sum / count } else { 0.0 };
    arms.iter().map(|arm| if arm.count > 0.0 { arm.mean } else { pooled }).collect()
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

/// The mean of at least two scores, and its standard error.
fn mean(scores: &[f64]) -> (f64, f64) {
    let count = scores.len() as f64;
    let mean = scores.iter().sum::<f64>() / count;
    let squares: f64 = scores.iter().map(|score| (score - mean) * (score - mean)).sum();
    (mean, (squares / (count - 1.0) / count).sqrt())
}

/// The fold of a row: a hash of its number (the finaliser of SplitMix64), so that no period falls into one fold.
fn fold_of(index: usize, folds: u32) -> u32 {
    let mut hash = (index as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((hash ^ (hash >> 31)) % u64::from(folds)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_about_equal_and_not_periods() {
        let mut counts = [0; 5];
        (0..10_000).for_each(|index| counts[fold_of(index, 5) as usize] += 1);
        // Binomial(10 000, 1/5): outside of 2000 +- 160 (four standard deviations) with probability 6e-5 each.
        assert!(counts.iter().all(|count| (1840..=2160).contains(count)), "{counts:?}");
        assert!((0..20).any(|index| fold_of(index, 2) == fold_of(index + 1, 2)));
    }
}
