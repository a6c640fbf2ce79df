//! What is believed of each arm, and why it has the share that it has.

use super::Evidence;
use crate::inference::Rules;
use crate::{
    ArmInput, Error, Experiment, PolicyInput, Posterior, Prior, RewardModel, TOTAL, Tally, evidence, p_best,
};

/// Places of the grid of values.
const GRID: usize = 240;
/// How much of an arm's belief may lie beyond each end of the grid.
const BEYOND: f64 = 0.000_5;

/// What is believed of the value of an exposure of one arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Belief {
    /// Density at each place of the grid, in 1 over minor units; NaN where it has no finite one.
    pub density: Vec<f64>,
    /// Mean, in minor units.
    pub mean: f64,
    /// 95 % of the belief lie above this,
    pub low: f64,
    /// and below this.
    pub high: f64,
    /// Probability of being the best of the live arms; `None` for one that is not live.
    pub p_best: Option<f64>,
}

/// Beliefs of all arms on a common grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Densities {
    /// Values of an exposure, evenly spaced, in minor units.
    pub x: Vec<f64>,
    /// The prior that all of it was computed with.
    pub prior: Prior,
    /// Density of the control before the first exposure.
    pub prior_density: Vec<f64>,
    /// The arms, in the order of the experiment.
    pub arms: Vec<Belief>,
    /// Position of the arm with the highest P(best).
    pub leader: usize,
    /// Its P(best) is enough to decide by: [`Rules::p_best`], by default 0.95.
    pub is_sure: bool,
}

/// Why an arm has its share.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// Probability of being the best of the live arms; 0 for one that is not live.
    pub p_best: f64,
    /// What the policy asked for, of 1, before floor and rounding.
    pub asked: f64,
    /// What it gets, of 1.
    pub share: f64,
    /// The floor holds it up (or, where it was just added, down).
    pub is_at_floor: bool,
    /// It was just added, and has the floor until something is known of it.
    pub is_entering: bool,
}

/// What one more day is expected to change.
#[derive(Debug, Clone, PartialEq)]
pub struct Tomorrow {
    /// Exposures of the arms in a day, at the rate of the last 24 hours.
    pub exposures: f64,
    /// Orders that these are expected to bring.
    pub orders: f64,
    /// P(best) of the arm that leads now, after them.
    pub p_best_leader: f64,
    /// The shares after them, of 1.
    pub shares: Vec<f64>,
}

/// Why the allocation is what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Why {
    /// The least share of a live arm, of 1.
    pub floor: f64,
    /// The arms, in the order of the experiment.
    pub arms: Vec<Reason>,
    /// Position of the arm with the highest P(best).
    pub leader: usize,
    /// What one more day is expected to change.
    pub one_more_day: Tomorrow,
}

impl Evidence {
    /// What is believed of each arm, with the experiment's prior or another one; `None` where items are randomised.
    ///
    /// The beliefs are those that the policy has ([`evidence::policy_input`]); with another prior they are computed
    /// anew from the same counts.
    ///
    /// # Errors
    /// Counts that no exposures can have.
    pub fn densities(&self, prior: Option<Prior>) -> Result<Option<Densities>, Error> {
        let Some(input) = self.input_with(prior)? else { return Ok(None) };
        let posteriors = || input.arms().iter().map(|arm| &arm.posterior);
        let least = posteriors().map(|of| of.quantile(BEYOND)).fold(f64::INFINITY, f64::min);
        let most = posteriors().map(|of| of.quantile(1.0 - BEYOND)).fold(f64::NEG_INFINITY, f64::max);
        let x: Vec<f64> =
            (0..GRID).map(|at| least + (most - least) * at as f64 / (GRID - 1) as f64).collect();
        let density = |of: &Posterior| {
            let finite = |density: f64| if density.is_finite() { density } else { f64::NAN };
            x.iter().map(|&value| finite(of.density(value))).collect::<Vec<f64>>()
        };
        let mut best = p_best_of_live(&input).into_iter();
        let arms = input.arms().iter().map(|arm| Belief {
            density: density(&arm.posterior),
            mean: arm.posterior.value_mean_minor(),
            low: arm.posterior.quantile(0.025),
            high: arm.posterior.quantile(0.975),
            p_best: if arm.live { best.next() } else { None },
        });
        let arms: Vec<Belief> = arms.collect();
        let (leader, p_best) = highest(arms.iter().map(|arm| arm.p_best));
        let is_sure = p_best >= Rules::default().p_best;
        let mut unseen = Experiment::clone(&self.experiment);
        unseen.prior = prior.unwrap_or(unseen.prior);
        let before = evidence::pooled(&unseen, &vec![Tally::default(); unseen.arms.len()])?;
        let control = before.arms().get(unseen.control_index());
        let prior_density = control.map(|control| density(&control.posterior)).unwrap_or_default();
        Ok(Some(Densities { prior: unseen.prior, prior_density, arms, x, leader, is_sure }))
    }

    /// Why the allocation is what it is, with the experiment's prior or another one; `None` where items are randomised.
    ///
    /// One more day: as many exposures as in the last 24 hours, at the present shares, each arm converting as it is
    /// expected to. Then means stay and beliefs narrow, which is what an average day does; P(best) itself, averaged over
    /// all that the day may bring, is what it is today, since beliefs are a martingale. Orders still under way and
    /// evidence that fades within the day are not allowed for.
    ///
    /// # Errors
    /// Counts that no exposures can have.
    pub fn why(&self, prior: Option<Prior>) -> Result<Option<Why>, Error> {
        let Some(input) = self.input_with(prior)? else { return Ok(None) };
        let policy = self.experiment.policy.name;
        let (wishes, shares) = (policy.weights(&input), policy.allocate(&input));
        let asked: f64 = wishes.iter().sum();
        let mut best = p_best_of_live(&input).into_iter();
        let part = |share: u32| f64::from(share) / f64::from(TOTAL);
        let mut arms = Vec::with_capacity(wishes.len());
        for ((arm, wish), &share) in input.arms().iter().zip(wishes).zip(shares.shares()) {
            let p_best = if arm.live { best.next().unwrap_or(0.0) } else { 0.0 };
            let is_at_floor = arm.live && (arm.entering || share <= input.floor());
            let asked = if asked > 0.0 { wish / asked } else { 0.0 };
            let is_entering = arm.live && arm.entering;
            arms.push(Reason { p_best, asked, share: part(share), is_at_floor, is_entering });
        }
        let (leader, _) = highest(arms.iter().map(|arm| Some(arm.p_best)));
        let exposures = self.per_day()[0];
        let (after, orders) = after(&input, exposures, shares.shares())?;
        let one_more_day = Tomorrow {
            exposures,
            orders,
            p_best_leader: p_best_at(&after, leader),
            shares: policy.allocate(&after).shares().iter().map(|&share| part(share)).collect(),
        };
        Ok(Some(Why { floor: part(input.floor()), arms, leader, one_more_day }))
    }

    /// Exposures of a day at the rate of the last 24 hours, or of all hours so far where those are fewer: of the arms,
    /// and of the holdout.
    pub(super) fn per_day(&self) -> [f64; 2] {
        let now = self.now_hours();
        let first = self.history.periods().first().map_or(now, |period| f64::from(period.cohort.hour));
        let from = first.max(now - 24.0);
        let recent = || self.history.periods().iter().filter(|period| f64::from(period.cohort.hour) >= from);
        let hours = (now - from).max(1.0);
        let arms: f64 = recent().flat_map(|period| &period.arms).map(|tally| tally.exposures as f64).sum();
        let holdout: f64 = recent().map(|period| period.holdout.exposures as f64).sum();
        [arms * 24.0 / hours, holdout * 24.0 / hours]
    }
}

/// The first of the arms with the highest number of those that have one, and that number.
pub(super) fn highest(all: impl Iterator<Item = Option<f64>>) -> (usize, f64) {
    let known = all.enumerate().filter_map(|(place, number)| Some((place, number?)));
    known.fold((0, f64::NEG_INFINITY), |best, arm| if arm.1 > best.1 { arm } else { best })
}

fn p_best_of_live(input: &PolicyInput) -> Vec<f64> {
    let live: Vec<Posterior> = input.live().map(|arm| arm.posterior).collect();
    p_best(&live)
}

/// P(best) of the arm at this place among all.
fn p_best_at(input: &PolicyInput, place: usize) -> f64 {
    let before = input.arms().iter().take(place).filter(|arm| arm.live).count();
    p_best_of_live(input).get(before).copied().unwrap_or(0.0)
}

/// The input after so many exposures at these shares, had each arm brought what is expected of it; and its orders.
fn after(input: &PolicyInput, exposures: f64, shares: &[u32]) -> Result<(PolicyInput, f64), Error> {
    let mut after = input.clone();
    let mut orders = 0.0;
    for (arm, &share) in after.arms_mut().iter_mut().zip(shares) {
        let n = exposures * f64::from(share) / f64::from(TOTAL);
        let sold = n * conversion(arm);
        orders += sold;
        arm.posterior = expected(&arm.posterior, n)?;
        *arm = arm.counted(arm.exposures + n, arm.conversions + sold);
        arm.entering &= arm.exposures < evidence::ENTERED[0] as f64;
    }
    Ok((after, orders))
}

/// The conversion rate that is expected of an arm; as counted under a model without rate.
fn conversion(arm: &ArmInput) -> f64 {
    match arm.posterior.model() {
        RewardModel::Normal if arm.exposures > 0.0 => arm.conversions / arm.exposures,
        RewardModel::Normal => 0.0,
        _ => arm.posterior.rate_mean(),
    }
}

/// The posterior after `n` more exposures that bring what is expected of them: its mean stays.
///
/// Conversions in proportion to the expected rate; orders of the expected mean; squares such that the expected variance
/// stays. Sources: the updates of [`Posterior`].
pub(super) fn expected(posterior: &Posterior, n: f64) -> Result<Posterior, Error> {
    let [a, b, shape, rate] = posterior.parameters();
    let q = posterior.rate_mean();
    let parameters = match posterior.model() {
        RewardModel::Conversion => [a + n * q, b + n * (1.0 - q), 0.0, 0.0],
        RewardModel::ZeroInflated => {
            let orders = n * q;
            [a + orders, b + n - orders, shape + orders, rate + orders * rate / (shape - 1.0)]
        }
        RewardModel::Normal => {
            let variance = rate / (shape - 1.0).max(0.5 * shape);
            [a, b + n, shape + 0.5 * n, rate + 0.5 * n * variance]
        }
    };
    Posterior::from_parameters(posterior.model(), parameters, posterior.value_minor())
}
