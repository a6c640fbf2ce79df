//! Regret so far, and beliefs of earlier against what came after.

use super::Evidence;
use crate::evidence::age;
use crate::experiment::Unit;
use crate::{Error, History, Posterior, RewardModel, evidence};

/// Parts of all exposures after which beliefs are looked at again.
const LOOKS: [f64; 4] = [0.1, 0.25, 0.5, 0.75];
/// Standard deviations of a normal law that hold 95 %.
const DEVIATIONS: f64 = 1.959_963_984_540_054;
/// Fewest orders that must be expected for a normal interval, and fewest exposures under a model without rate.
const ORDERS_LEAST: f64 = 5.0;
const EXPOSURES_LEAST: f64 = 500.0;

/// What was lost against always playing the arm that is estimated to be the best.
#[derive(Debug, Clone, PartialEq)]
pub struct Regret {
    /// When each period ended, in milliseconds since 1970-01-01 UTC.
    pub at_ms: Vec<f64>,
    /// Up to there, in minor units (or orders).
    pub value: Vec<f64>,
    /// All of it, per exposure of an arm.
    pub per_unit: f64,
    /// Position of the arm that is estimated to be the best of the live ones.
    pub best: usize,
}

/// What was believed of an arm at a time, and what it then brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Position of the arm.
    pub arm: usize,
    /// The end of the last period that the belief is made of, in milliseconds since 1970-01-01 UTC.
    pub at_ms: f64,
    /// Mean value of an exposure that was expected, in minor units (or orders).
    pub predicted: f64,
    /// 95 % of the belief about the mean value of what came lie above this,
    pub low: f64,
    /// and below this.
    pub high: f64,
    /// Mean value of an exposure that came, orders under way allowed for.
    pub observed: f64,
    /// Exposures that came.
    pub exposures: f64,
}

impl Evidence {
    /// What was lost so far; `None` where items are randomised.
    ///
    /// `Σ_t Σ_k n_tk (v̂* - v̂_k)`, with n the exposures of arm k in period t, and v̂ the values that are expected of the
    /// arms *now* (posterior means): the definition of Lai and Robbins (1985, doi:10.1016/0196-8858(85)90002-8) with
    /// estimates for the true values. It is an estimate: the best arm looks better than it is, so it tends to be too
    /// high while little is known.
    ///
    /// # Errors
    /// Counts that no exposures can have.
    pub fn regret(&self) -> Result<Option<Regret>, Error> {
        let Some(input) = self.input()? else { return Ok(None) };
        let values: Vec<f64> = input.arms().iter().map(|arm| arm.posterior.value_mean_minor()).collect();
        let live = input.arms().iter().zip(&values).enumerate().filter(|(_, (arm, _))| arm.live);
        let (best, most) =
            live.fold(
                (0, f64::NEG_INFINITY),
                |best, (place, (_, &value))| {
                    if value > best.1 { (place, value) } else { best }
                },
            );
        let (mut lost, mut exposures) = (0.0, 0.0);
        let mut value = Vec::with_capacity(self.history.periods().len());
        for period in self.history.periods() {
            for (tally, of_arm) in period.arms.iter().zip(&values) {
                lost += tally.exposures as f64 * (most - of_arm);
                exposures += tally.exposures as f64;
            }
            value.push(lost);
        }
        Ok(Some(Regret { at_ms: self.ends(), value, per_unit: lost / exposures, best }))
    }

    /// Beliefs after a tenth, a quarter, half and three quarters of all exposures, against what came after each, arm by
    /// arm; none where items are randomised.
    ///
    /// What is believed of the mean of n exposures to come is normal around the posterior mean, with the posterior's variance
    /// plus that of n exposures under the reward model: `v² q (1 - q) / n` (conversion), `(2 μ² q - μ² q²) / n`
    /// (zero-inflated, orders being exponential with mean μ), the expected variance over n (normal). Source: posterior
    /// predictive checks, Gelman et al. (2013), *Bayesian Data Analysis*, section 6.3. If the beliefs are right, 19 of 20
    /// intervals hold what came; those of one arm overlap, so they fail together. Orders are those known by now,
    /// before and after; exposures that are still waiting for some count in part. Left out is what fewer than five orders
    /// are expected of; under the normal model, which has no rate, fewer than 500 exposures.
    ///
    /// # Errors
    /// Counts that no exposures can have.
    pub fn calibration(&self) -> Result<Vec<Prediction>, Error> {
        let periods = self.history.periods();
        let mut found = Vec::new();
        if self.experiment.unit != Unit::Visitor {
            return Ok(found);
        }
        let shown = |at: usize| {
            periods.get(at).map_or(0.0, |period| period.arms.iter().map(|tally| tally.exposures as f64).sum())
        };
        let all: f64 = (0..periods.len()).map(shown).sum();
        let ends = self.ends();
        let (mut seen, mut looks, mut last) = (0.0, LOOKS.iter(), 0);
        let mut next = looks.next();
        for at in 0..periods.len() {
            seen += shown(at);
            let Some(&look) = next else { break };
            if seen < look * all || seen >= all {
                continue;
            }
            while next.is_some_and(|&look| seen >= look * all) {
                next = looks.next();
            }
            if at + 1 > last {
                last = at + 1;
                self.predict(last, ends.get(at).copied().unwrap_or(0.0), &mut found)?;
            }
        }
        Ok(found)
    }

    /// What the first so many periods make believe, against the others.
    fn predict(&self, count: usize, at_ms: f64, into: &mut Vec<Prediction>) -> Result<(), Error> {
        let Some((before, after)) = self.history.periods().split_at_checked(count) else { return Ok(()) };
        let known_by = self.delays.distribution(self.now_hours(), self.experiment.reward_window_hours);
        let known = History::new(before.to_vec())?;
        let input = evidence::policy_input(&self.experiment, &known, &self.delays, self.now_hours())?;
        for (arm, belief) in input.arms().iter().enumerate() {
            let (mut exposures, mut sum) = (0.0, 0.0);
            for period in after {
                let Some(tally) = period.arms.get(arm) else { continue };
                exposures += tally.exposures as f64 * known_by.share_by(age(period, self.now_hours()));
                sum += tally.reward(self.experiment.objective).0 as f64;
            }
            let posterior = &belief.posterior;
            let is_little = match posterior.model() {
                RewardModel::Normal => exposures < EXPOSURES_LEAST,
                _ => exposures * posterior.rate_mean() < ORDERS_LEAST,
            };
            if is_little || belief.exposures <= 0.0 {
                continue;
            }
            let (predicted, of_belief) = (posterior.value_mean_minor(), posterior.value_sd_minor());
            let half = DEVIATIONS * (of_belief * of_belief + variance(posterior) / exposures).sqrt();
            let observed = sum / exposures;
            let (low, high) = (predicted - half, predicted + half);
            into.push(Prediction { arm, at_ms, predicted, low, high, observed, exposures });
        }
        Ok(())
    }
}

/// Variance of the value of one exposure, as the reward model has it.
fn variance(posterior: &Posterior) -> f64 {
    let [_, _, shape, rate] = posterior.parameters();
    let (q, value) = (posterior.rate_mean(), posterior.value_minor() as f64);
    match posterior.model() {
        RewardModel::Conversion => value * value * q * (1.0 - q),
        RewardModel::ZeroInflated => {
            let order = rate / (shape - 1.0);
            order * order * q * (2.0 - q)
        }
        RewardModel::Normal => rate / (shape - 1.0).max(0.5 * shape),
    }
}
