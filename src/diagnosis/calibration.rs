//! Beliefs of earlier against what came after, and whether they differ by more than chance.

use super::{DEVIATIONS, Evidence};
use crate::evidence::age;
use crate::experiment::Unit;
use crate::inference::ALARM_AT;
use crate::math::gamma_p;
use crate::{Error, History, Period, Posterior, RewardModel, evidence};

/// Parts of all exposures after which beliefs are looked at again.
const LOOKS: [f64; 4] = [0.1, 0.25, 0.5, 0.75];
/// Fewest orders that must be expected for a normal interval, and fewest exposures under a model without rate.
const ORDERS_LEAST: f64 = 5.0;
const EXPOSURES_LEAST: f64 = 500.0;

/// What was believed of an arm at a look, and what it then brought until the next one.
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

/// Beliefs of earlier against what came after.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Look by look, and at each arm by arm.
    pub predictions: Vec<Prediction>,
    /// Of these, the ones whose interval holds what came.
    pub held: usize,
    /// Probability of errors that are at least this large in all, were the beliefs right. `None` without predictions.
    pub p_value: Option<f64>,
    /// The p-value is below 0.01 ([`ALARM_AT`]).
    pub alarm: bool,
}

impl Prediction {
    /// What came less what was expected, in standard deviations of the belief.
    fn error(&self) -> f64 {
        DEVIATIONS * (self.observed - self.predicted) / (self.high - self.predicted)
    }
}

impl Evidence {
    /// Beliefs after a tenth, a quarter, half and three quarters of all exposures, each against what came from there to
    /// the next of these looks, arm by arm; without predictions where items are randomised.
    ///
    /// What is believed of the mean of n exposures to come is normal around the posterior mean, with the posterior's variance
    /// plus that of n exposures under the reward model: `v² q (1 - q) / n` (conversion), `(2 μ² q - μ² q²) / n`
    /// (zero-inflated, orders being exponential with mean μ), the expected variance over n (normal). Source: posterior
    /// predictive checks, Gelman et al. (2013), *Bayesian Data Analysis*, section 6.3. Orders are those known by now,
    /// before and after; exposures that are still waiting for some count in part. Left out is what fewer than five orders
    /// are expected of; under the normal model, which has no rate, fewer than 500 exposures.
    ///
    /// The judgement is one for all m predictions together, so that many of them do not raise it by their number: were the
    /// beliefs right, each error would have mean 0 and standard deviation 1 *given everything before it*, however the
    /// exposures were allocated, since no two predictions are about the same exposures. So their squares add up to about
    /// χ² with m degrees of freedom, and an alarm at 0.01 is false in 1 to 2 of 100 experiments, at one look: 1.5 % measured
    /// with some 30 orders behind each belief, more where arms have only a few. Sources: Dawid
    /// (1984), *Statistical theory: the prequential approach*, doi:10.2307/2981683; Seillier-Moiseiwitsch and Dawid (1993),
    /// doi:10.1080/01621459.1993.10594328; the errors are the recursive residuals of Brown, Durbin and Evans (1975),
    /// doi:10.1111/j.2517-6161.1975.tb01532.x. Measured in `tests/calibration_diagnosis.rs`.
    ///
    /// # Errors
    /// Counts that no exposures can have.
    pub fn calibration(&self) -> Result<Calibration, Error> {
        let mut predictions = Vec::new();
        if self.experiment.unit == Unit::Visitor {
            let looks = self.looks();
            let ends = looks.iter().skip(1).copied().chain([self.history.periods().len()]);
            for (&from, to) in looks.iter().zip(ends) {
                self.predict(from, to, &mut predictions)?;
            }
        }
        let errors = || predictions.iter().map(Prediction::error);
        let squares: f64 = errors().map(|error| error * error).sum();
        let freedom = predictions.len() as f64;
        let p_value = (freedom > 0.0).then(|| 1.0 - gamma_p(0.5 * freedom, 0.5 * squares));
        let held = errors().filter(|error| error.abs() <= DEVIATIONS).count();
        let alarm = p_value.is_some_and(|p_value| p_value < ALARM_AT);
        Ok(Calibration { predictions, held, p_value, alarm })
    }

    /// How many periods there were at each look, growing: the first so many that hold its part of all exposures.
    fn looks(&self) -> Vec<usize> {
        let shown = |period: &Period| period.arms.iter().map(|tally| tally.exposures as f64).sum::<f64>();
        let all: f64 = self.history.periods().iter().map(shown).sum();
        let (mut found, mut seen, mut wanted) =
            (Vec::new(), 0.0, LOOKS.iter().map(|part| part * all).peekable());
        for (at, period) in self.history.periods().iter().enumerate() {
            seen += shown(period);
            let is_look = seen < all && wanted.peek().is_some_and(|&least| seen >= least);
            found.extend(is_look.then_some(at + 1));
            while wanted.next_if(|&least| seen >= least).is_some() {}
        }
        found
    }

    /// What the first `from` periods make believe, against those up to `to`.
    fn predict(&self, from: usize, to: usize, into: &mut Vec<Prediction>) -> Result<(), Error> {
        let periods = self.history.periods();
        let (before, after) =
            (periods.get(..from).unwrap_or_default(), periods.get(from..to).unwrap_or_default());
        let at_ms = self.ends().get(from.saturating_sub(1)).copied().unwrap_or(0.0);
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
pub(super) fn variance(posterior: &Posterior) -> f64 {
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
