//! What learning has cost so far.

use super::belief::highest;
use super::{DEVIATIONS, Evidence};
use crate::{Error, Posterior};

/// What was lost against always playing the arm that is estimated to be the best.
#[derive(Debug, Clone, PartialEq)]
pub struct Regret {
    /// When each period ended, in milliseconds since 1970-01-01 UTC.
    pub at_ms: Vec<f64>,
    /// Up to there, in minor units (or orders).
    pub value: Vec<f64>,
    /// 95 % of the belief about that loss lie above this: below 0 where that arm may be worse than what was served,
    pub low: Vec<f64>,
    /// and below this.
    pub high: Vec<f64>,
    /// All of it, per exposure of an arm.
    pub per_unit: f64,
    /// Position of the arm that is estimated to be the best of the live ones.
    pub best: usize,
}

impl Evidence {
    /// What was lost so far; `None` where items are randomised.
    ///
    /// `Σ_k N_k (v̂* - v̂_k)`, with N the exposures of arm k up to a period, and v̂ the values that are expected of the
    /// arms *now* (posterior means): the definition of Lai and Robbins (1985, doi:10.1016/0196-8858(85)90002-8) with
    /// estimates for the true values. It is an estimate: the best arm looks better than it is, so it tends to be too
    /// high while little is known.
    ///
    /// The interval is what is believed of the same sum, against the same arm: values are independent from arm to arm, so
    /// its variance is `(Σ_k N_k)² s*² + Σ_k N_k² s_k²` with the posteriors' variances s², both sums without the best
    /// arm itself; the law is about normal. Where another arm is the best, the true loss is larger than that against this
    /// one. Measured in `tests/calibration_diagnosis.rs`.
    ///
    /// # Errors
    /// Counts that no exposures can have.
    pub fn regret(&self) -> Result<Option<Regret>, Error> {
        let Some(input) = self.input()? else { return Ok(None) };
        let believed = |posterior: &Posterior| (posterior.value_mean_minor(), posterior.value_sd_minor());
        let values: Vec<(f64, f64)> = input.arms().iter().map(|arm| believed(&arm.posterior)).collect();
        let live = input.arms().iter().zip(&values).map(|(arm, &(mean, _))| arm.live.then_some(mean));
        let (best, most) = highest(live);
        let most_sd = values.get(best).map_or(0.0, |&(_, sd)| sd);
        let mut shown = vec![0.0; values.len()];
        let length = self.history.periods().len();
        let [mut value, mut low, mut high] = std::array::from_fn(|_| Vec::with_capacity(length));
        for period in self.history.periods() {
            for (sum, tally) in shown.iter_mut().zip(&period.arms) {
                *sum += tally.exposures as f64;
            }
            let (mut lost, mut others, mut variance) = (0.0, 0.0, 0.0);
            for (place, (&n, &(mean, sd))) in shown.iter().zip(&values).enumerate() {
                if place != best {
                    lost += n * (most - mean);
                    others += n;
                    variance += n * n * sd * sd;
                }
            }
            let half = DEVIATIONS * (others * others * most_sd * most_sd + variance).sqrt();
            value.push(lost);
            low.push(lost - half);
            high.push(lost + half);
        }
        let exposures: f64 = shown.iter().sum();
        let per_unit = value.last().copied().unwrap_or(0.0) / exposures;
        Ok(Some(Regret { at_ms: self.ends(), value, low, high, per_unit, best }))
    }
}
