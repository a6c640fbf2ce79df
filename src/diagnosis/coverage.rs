//! Served against planned shares, and for how many units another policy could be judged by what was served.

use super::Evidence;
use crate::experiment::{Arm, PolicyChoice};
use crate::inference::{Question, SampleRatio};
use crate::{Error, Policy, PolicyInput, RewardModel, TOTAL, evidence};

/// Fewest effective exposures by which a target is judged: below it the estimate rests on a handful of rows.
pub const SAMPLE_MIN: f64 = 100.0;

/// One arm (or, last, the holdout) as it was served.
#[derive(Debug, Clone, PartialEq)]
pub struct Propensity {
    /// Part of the counted exposures.
    pub served: f64,
    /// Part that was planned: the mean of the periods' shares, each weighing as many exposures as it had.
    pub planned: f64,
    /// Exposures that were counted.
    pub exposures: i64,
}

/// Served against planned shares.
#[derive(Debug, Clone, PartialEq)]
pub struct Propensities {
    /// The arms in the order of the experiment, and last the holdout where there is one.
    pub cells: Vec<Propensity>,
    /// The test that `standing` has, of the same periods.
    pub ratio: SampleRatio,
}

/// For how many units a target could be judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    /// Name of the arm, or of the policy.
    pub name: String,
    /// It is an arm that everybody would get; else a policy with its present allocation.
    pub is_arm: bool,
    /// Effective sample size, in exposures.
    pub size: f64,
    /// Exposures that were looked at.
    pub exposures: f64,
}

impl Evidence {
    /// Served against planned shares; `None` where items are randomised, as their assignment is the count.
    ///
    /// # Errors
    /// Shares that do not sum to 65536.
    pub fn propensities(&self) -> Result<Option<Propensities>, Error> {
        if !self.is_of_visitors() {
            return Ok(None);
        }
        let question = Question::of(&self.experiment);
        let (count, basis) = (self.experiment.arms.len(), self.basis());
        let ratio = SampleRatio::of(basis, question.holdout_share)?;
        let mut cells = vec![(0_i64, 0.0); count + usize::from(question.holdout_share > 0)];
        for period in basis.iter().filter(|period| !period.shares.is_empty()) {
            let in_holdout = if question.holdout_share > 0 { period.holdout.exposures } else { 0 };
            let own = period.shares.get(count).copied().unwrap_or(question.holdout_share);
            let holdout = f64::from(own) / f64::from(TOTAL);
            let shares = period.shares.iter().take(count);
            let planned = shares.map(|&share| f64::from(share) / f64::from(TOTAL) * (1.0 - holdout));
            let counted = || period.arms.iter().map(|tally| tally.exposures).chain([in_holdout]);
            let total = counted().sum::<i64>() as f64;
            for ((cell, planned), exposures) in cells.iter_mut().zip(planned.chain([holdout])).zip(counted())
            {
                *cell = (cell.0 + exposures, cell.1 + planned * total);
            }
        }
        let units = cells.iter().map(|cell| cell.0).sum::<i64>() as f64;
        let propensity = |&(exposures, planned): &(i64, f64)| Propensity {
            served: exposures as f64 / units,
            planned: planned / units,
            exposures,
        };
        Ok(Some(Propensities { cells: cells.iter().map(propensity).collect(), ratio }))
    }

    /// For how many units each arm, and each policy with the allocation that it would publish now, could be judged from
    /// what was served; none where items are randomised.
    ///
    /// Kish's effective sample size `(Σ w)² / Σ w²` of the importance weights `w = π(a) / e(a)` of all exposures with known
    /// shares e, π being the target's: as many units drawn by the target itself would tell as much. Sources: Kish (1965),
    /// *Survey Sampling*, section 11.7; Owen (2013), *Monte Carlo theory, methods and examples*, section 9.3. Policies that
    /// the experiment could not have (they need a horizon, a stock, or count orders alone) are left out.
    ///
    /// # Errors
    /// Counts that no exposures can have.
    pub fn off_policy(&self) -> Result<Vec<Coverage>, Error> {
        if !self.is_of_visitors() {
            return Ok(Vec::new());
        }
        let weights = self.weights();
        let exposures = self.history.periods().iter().filter(|period| !period.shares.is_empty());
        let exposures = exposures.flat_map(|period| &period.arms).map(|tally| tally.exposures as f64).sum();
        let size = |target: &[f64]| {
            let sums = target.iter().zip(&weights);
            let (sum, squares) = sums.fold((0.0, 0.0), |(sum, squares), (&part, &(first, second))| {
                (sum + part * first, squares + part * part * second)
            });
            if squares > 0.0 { sum * (sum / squares) } else { 0.0 }
        };
        let mut found = Vec::new();
        for (place, arm) in self.experiment.arms.iter().enumerate() {
            let mut target = vec![0.0; weights.len()];
            target.iter_mut().skip(place).take(1).for_each(|part| *part = 1.0);
            found.push(Coverage { name: arm.name.clone(), is_arm: true, size: size(&target), exposures });
        }
        let pooled = self.input_under(Policy::Thompson)?;
        for policy in Policy::ALL {
            if let Some(target) = self.shares_under(policy, &pooled)? {
                let name = policy.name().to_owned();
                found.push(Coverage { name, is_arm: false, size: size(&target), exposures });
            }
        }
        Ok(found)
    }

    /// Of each arm: the sum over its exposures of 1 / e and of 1 / e².
    fn weights(&self) -> Vec<(f64, f64)> {
        let mut sums = vec![(0.0, 0.0); self.experiment.arms.len()];
        for period in self.history.periods() {
            for ((sum, tally), &share) in sums.iter_mut().zip(&period.arms).zip(&period.shares) {
                if share > 0 {
                    let weight = f64::from(TOTAL) / f64::from(share);
                    let n = tally.exposures as f64;
                    *sum = (sum.0 + n * weight, sum.1 + n * weight * weight);
                }
            }
        }
        sums
    }

    /// The shares that a policy would publish now, of 1; `None` where the experiment could not have it. `pooled` is what
    /// most policies look at.
    fn shares_under(&self, policy: Policy, pooled: &PolicyInput) -> Result<Option<Vec<f64>>, Error> {
        let experiment = &self.experiment;
        let others = |place: usize| experiment.arms.iter().take(place);
        let is_new =
            |(place, arm): (usize, &Arm)| others(place).all(|one| one.price_minor != arm.price_minor);
        let are_prices_different = experiment.arms.iter().enumerate().all(is_new);
        let counts_orders = experiment.reward_model == RewardModel::Conversion;
        let is_possible = (experiment.horizon.is_some() || !policy.needs_horizon())
            && (experiment.stock.is_some() || !policy.needs_stock())
            && (are_prices_different || !policy.needs_prices())
            && (counts_orders || policy.suits_any_reward());
        let has_own_sums =
            policy.fades() || policy.learns_from_losses() || policy == Policy::ContrastThompson;
        let input = match policy {
            _ if policy == experiment.policy.name => self.input()?.unwrap_or_else(|| pooled.clone()),
            _ if !is_possible => return Ok(None),
            _ if has_own_sums => self.input_under(policy)?,
            _ => pooled.clone(),
        };
        let part = |&share: &u32| f64::from(share) / f64::from(TOTAL);
        Ok(Some(policy.allocate(&input).shares().iter().map(part).collect()))
    }

    /// What a policy with its default parameters would look at now.
    fn input_under(&self, policy: Policy) -> Result<PolicyInput, Error> {
        let mut experiment = self.experiment.clone();
        experiment.policy = PolicyChoice { name: policy, parameters: Vec::new(), shares: None };
        evidence::policy_input(&experiment, &self.history, &self.delays, self.now_hours())
    }
}
