//! Stage 6 of the loop: from what was counted to what a policy may look at.
//!
//! Every policy sees sums over exposures. Three things decide what an exposure counts for in them:
//!
//! - **Delay.** A young exposure counts for the part of its conversions that would be known by now
//!   ([`DelayDistribution::share_by`]): `Beta(a + S, b + max(Ñ, S) - S)` with `Ñ = Σ n F(age)`. Source: Vernade, Cappé
//!   and Perchet (2017), arXiv:1706.09186, section 3.
//! - **Fading.** Discounted and sliding policies count what is old less or not at all. Age is measured in exposures
//!   of all arms since, so that it means the same at any traffic.
//! - **Propensity.** EXP3-IX and Tsallis-INF learn from losses divided by the propensity of the exposure's epoch.
//!
//! All of it is computed at publication from the periods; nothing is kept in faded form, so tallies stay mergeable.
//!
//! Out of scope: counting itself (`tally`, `ledger`, `delay`) and what a policy makes of its input (`policy`).

use crate::delay::DelayDistribution;
use crate::experiment::{Arm, ArmState, Unit};
use crate::policy::{Stock, exp3_ix_gamma};
use crate::{
    Allocation, ArmInput, Delays, Error, Experiment, History, Objective, Period, Policy, PolicyInput,
    Posterior, RewardModel, TOTAL, Tally, contrast, math,
};

/// What the exposures and rewards of an arm add up to, each weighted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct ArmSums {
    pub exposures: f64,
    pub conversions: f64,
    /// Reward under the objective: minor units, or conversions. And the sum of its square per exposure. Exact where
    /// every weight is 1.
    pub reward: i128,
    pub reward_sq: i128,
    /// Importance-weighted loss.
    pub loss: f64,
}

impl ArmSums {
    /// Adds a tally whose exposures count for `exposed` each and whose rewards for `weight` each.
    pub(crate) fn add(&mut self, tally: &Tally, objective: Objective, exposed: f64, weight: f64) {
        let (reward, reward_sq) = tally.reward(objective);
        let weighted = |sum: i128| if weight == 1.0 { sum } else { (weight * sum as f64).round() as i128 };
        self.exposures += exposed * tally.exposures as f64;
        self.conversions += weight * tally.conversions as f64;
        self.reward = self.reward.saturating_add(weighted(i128::from(reward)));
        self.reward_sq = self.reward_sq.saturating_add(weighted(reward_sq));
    }
}

/// How what is old counts less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fade {
    /// Not at all.
    None,
    /// By this factor with every later exposure.
    Discount(f64),
    /// Fully up to this many later exposures, then not at all.
    Window(f64),
}

impl Fade {
    /// How a policy's evidence fades; `horizon` is the number of units that it is to learn over.
    ///
    /// Where the file sets neither half-life nor window, they are those with the least regret bound for a few changes
    /// within the horizon T: a factor of `1 - 1/(4√T)` and a window of `4√(T ln T)`. Source: Garivier and Moulines
    /// (2011), doi:10.1007/978-3-642-24412-4_16, section 4.
    pub(crate) fn of(policy: Policy, parameters: &[f64], horizon: f64) -> Self {
        let set = parameters.first().copied().filter(|&given| given > 0.0);
        let horizon = horizon.max(2.0);
        match policy {
            Policy::DiscountedThompson | Policy::DiscountedUcb => {
                // Never 0, however short the half-life: its logarithm is taken.
                let of_half_life =
                    |half_life: f64| math::exp(-std::f64::consts::LN_2 / half_life).max(f64::MIN_POSITIVE);
                Self::Discount(set.map_or(1.0 - 0.25 / horizon.sqrt(), of_half_life))
            }
            Policy::SlidingThompson | Policy::SlidingUcb => {
                Self::Window(set.unwrap_or_else(|| 4.0 * (horizon * math::ln(horizon)).sqrt()))
            }
            _ => Self::None,
        }
    }

    /// What each of `count` exposures in a row counts for on average, with `later` exposures after them.
    fn weight(self, count: f64, later: f64) -> f64 {
        match self {
            Self::None => 1.0,
            _ if count <= 0.0 => 0.0,
            Self::Discount(factor) if factor < 1.0 => {
                let ln = math::ln(factor);
                // The mean of factor^later to factor^(later + count - 1).
                math::exp(later * ln) * math::expm1(count * ln) / (math::expm1(ln) * count)
            }
            Self::Discount(_) => 1.0,
            Self::Window(length) => ((length - later) / count).clamp(0.0, 1.0),
        }
    }
}

/// The policy's input from the history of an experiment, as it is known at `now`.
///
/// `now` is in ticks (hours since 1970 in production), as the cohorts' hours are.
///
/// # Errors
/// A history with another number of arms than the experiment, or a posterior out of bounds.
pub fn policy_input(
    experiment: &Experiment,
    history: &History,
    delays: &Delays,
    now: f64,
) -> Result<PolicyInput, Error> {
    let arms = experiment.arms.len();
    if let Some(other) = history.periods().iter().map(|period| period.arms.len()).find(|&other| other != arms)
    {
        return Err(Error::value(
            "number of arms in the history",
            other,
            format!("{arms}, as the experiment has"),
        ));
    }
    let known_by = delays.distribution(now, experiment.reward_window_hours);
    let mut input = input_of(experiment, &sums(experiment, history, &known_by, now))?;
    mark_entering(experiment, &mut input, history);
    input.stock = stock(experiment, history.periods());
    if experiment.policy.name == Policy::ContrastThompson {
        // Within a cohort all arms are as young, so what is not known yet is missing from all alike.
        let counts = |period: &&Period| known_by.weight(experiment.delay, age(period, now)).is_some();
        let periods: Vec<Period> = history.periods().iter().filter(counts).cloned().collect();
        input.contrast = contrast::fit(&periods, experiment.policy.name.parameter(&input, 0));
    }
    Ok(input)
}

/// Exposures, or observations of an item in a period, up to which an added arm has the floor and no more.
pub(crate) const ENTERED: [i64; 2] = [100, 1];

/// Which of the added arms are still new, by what was counted: a weighted count may fall again.
fn mark_entering(experiment: &Experiment, input: &mut PolicyInput, history: &History) {
    let [of_visitors, of_items] = ENTERED;
    let least = if experiment.unit == Unit::Visitor { of_visitors } else { of_items };
    for (place, (input, arm)) in input.arms_mut().iter_mut().zip(&experiment.arms).enumerate() {
        let tallies = || history.periods().iter().filter_map(|period| period.arms.get(place));
        let exposures = || tallies().map(|tally| tally.exposures).fold(0, i64::saturating_add);
        input.entering = arm.is_added && input.live && exposures() < least;
    }
}

/// The policy's input from one tally per arm, in the order of the arms: every exposure counts in full.
///
/// ```
/// use haggle::{Experiment, Tally, evidence};
/// # let experiment = Experiment::from_json(include_str!("../tests/golden/sevilla.json"))?;
/// let counted = vec![Tally { exposures: 100, conversions: 20, ..Tally::default() }; experiment.arms.len()];
/// let input = evidence::pooled(&experiment, &counted)?;
/// assert_eq!(input.arms()[0].conversions, 20.0);
/// # Ok::<(), haggle::Error>(())
/// ```
///
/// # Errors
/// Another number of tallies than arms, a negative count, or more conversions than exposures.
pub fn pooled(experiment: &Experiment, tallies: &[Tally]) -> Result<PolicyInput, Error> {
    let cohort = crate::Cohort { epoch: 0, hour: 0 };
    let period = Period { cohort, shares: Vec::new(), arms: tallies.to_vec(), holdout: Tally::default() };
    policy_input(experiment, &History::new(vec![period])?, &Delays::default(), f64::from(u32::MAX))
}

/// Weighted sums of every arm over all periods.
fn sums(experiment: &Experiment, history: &History, known_by: &DelayDistribution, now: f64) -> Vec<ArmSums> {
    let policy = &experiment.policy;
    let seen: f64 = history.periods().iter().map(exposures).sum();
    let fade =
        Fade::of(policy.name, &policy.parameters, experiment.horizon.map_or(seen, |horizon| horizon as f64));
    let loss = Loss::of(experiment);
    let mut sums = vec![ArmSums::default(); experiment.arms.len()];
    let mut later = 0.0;
    for period in history.periods().iter().rev() {
        let count = exposures(period);
        if let Some(known) = known_by.weight(experiment.delay, age(period, now)) {
            let weight = fade.weight(count, later);
            for (arm, (sum, tally)) in sums.iter_mut().zip(&period.arms).enumerate() {
                sum.add(tally, experiment.objective, weight * known, weight);
                sum.loss += loss.of_tally(arm, tally, known, period.shares.get(arm).copied());
            }
        }
        later += count;
    }
    // A young period may have more conversions than was to be expected by now. That evens out over the periods; taken
    // as a bound for each of them it would make every rate too low.
    for sum in &mut sums {
        sum.exposures = sum.exposures.max(sum.conversions);
        sum.loss = sum.loss.max(0.0);
    }
    sums
}

/// Mean age of a period's exposures, in ticks; those of the present tick came since it began.
pub(crate) fn age(period: &Period, now: f64) -> f64 {
    let since = now - f64::from(period.cohort.hour);
    since - 0.5 * since.clamp(0.0, 1.0)
}

/// Exposures of all arms.
fn exposures(period: &Period) -> f64 {
    period.arms.iter().map(|tally| tally.exposures as f64).sum()
}

/// Losses divided by the propensity they were suffered with, for the policies that learn from them.
pub(crate) struct Loss {
    /// Reward of a conversion of each arm, the best one's being 1; nothing where the policy looks at no losses.
    gains: Vec<f64>,
    /// What EXP3-IX adds to the propensity.
    gamma: f64,
}

impl Loss {
    pub(crate) fn of(experiment: &Experiment) -> Self {
        let value = |arm: &Arm| experiment.value_minor(arm) as f64;
        let most = experiment.arms.iter().map(value).fold(1.0, f64::max);
        let gamma = match experiment.policy.name {
            Policy::TsallisInf => 0.0,
            Policy::Exp3Ix => {
                let horizon = experiment.horizon.map_or(1.0, |horizon| horizon as f64);
                exp3_ix_gamma(experiment.arms.len(), horizon)
            }
            _ => return Self { gains: Vec::new(), gamma: 0.0 },
        };
        Self { gains: experiment.arms.iter().map(|arm| value(arm) / most).collect(), gamma }
    }

    /// Loss of an arm's exposures, `known` of each of which have shown what they bring, under a share out of 65536.
    /// An unknown share counts as an equal one.
    fn of_tally(&self, arm: usize, tally: &Tally, known: f64, share: Option<u32>) -> f64 {
        let Some(gain) = self.gains.get(arm) else { return 0.0 };
        let equal = 1.0 / self.gains.len() as f64;
        let propensity = share.map_or(equal, |share| f64::from(share.max(1)) / f64::from(TOTAL));
        self.of_exposures(known * tally.exposures as f64, gain * tally.conversions as f64, propensity)
    }

    fn of_exposures(&self, exposures: f64, gain: f64, propensity: f64) -> f64 {
        (exposures - gain) / (propensity + self.gamma)
    }

    /// Loss of one exposure with this propensity.
    pub(crate) fn of_one(&self, arm: usize, converted: bool, propensity: f64) -> f64 {
        let Some(gain) = self.gains.get(arm) else { return 0.0 };
        self.of_exposures(1.0, if converted { *gain } else { 0.0 }, propensity)
    }
}

/// The input with these sums, in the order of the arms.
pub(crate) fn input_of(experiment: &Experiment, sums: &[ArmSums]) -> Result<PolicyInput, Error> {
    let arms = &experiment.arms;
    let live = vec![true; arms.len()];
    let asked = experiment.policy.shares.clone().unwrap_or_else(|| vec![1.0; arms.len()]);
    let asked = Allocation::quantise(&asked, &live, 0);
    let inputs = arms.iter().zip(sums).zip(asked.shares()).map(|((arm, sum), &fixed_share)| {
        let arm_input = ArmInput::new(posterior(experiment, arm, sum)?, arm.price_minor);
        let arm_input = arm_input.counted(sum.exposures, sum.conversions);
        Ok(ArmInput { fixed_share, loss: sum.loss, live: arm.state == ArmState::Live, ..arm_input })
    });
    let policy = &experiment.policy;
    let input = PolicyInput::new(inputs.collect::<Result<_, Error>>()?, experiment.floor_share())?;
    let mut input = input.with_parameters(policy.name, policy.parameters.clone())?;
    input.horizon = experiment.horizon;
    Ok(input)
}

fn posterior(experiment: &Experiment, arm: &Arm, sum: &ArmSums) -> Result<Posterior, Error> {
    let (prior, value_minor) = (experiment.prior, experiment.value_minor(arm));
    let (exposures, conversions) = (sum.exposures, sum.conversions);
    let reward = i64::try_from(sum.reward)
        .map_err(|_| Error::value("sum of rewards", sum.reward, format!("within ±{}", i64::MAX)))?;
    match experiment.reward_model {
        RewardModel::Conversion => {
            let without = (exposures - conversions).max(0.0);
            Posterior::new(prior.alpha() + conversions, prior.beta() + without, value_minor)
        }
        // Returns may cost more than all orders bring; the mean order is then taken as next to nothing.
        RewardModel::ZeroInflated => {
            Posterior::update_orders(prior, value_minor, exposures, conversions, reward.max(0))
        }
        // Without an exposure that counts there is nothing that its value could be.
        RewardModel::Normal if exposures <= 0.0 => Posterior::update_normal(prior, value_minor, 0.0, 0, 0),
        RewardModel::Normal => {
            let squares = if experiment.policy.name.fades() {
                // Faded sums are rounded, each by itself, which may leave squares less than they can be.
                sum.reward_sq.max((reward as f64 * (reward as f64 / exposures)).ceil() as i128)
            } else {
                sum.reward_sq
            };
            Posterior::update_normal(prior, value_minor, exposures, reward, squares)
        }
    }
}

/// What is left of the stock for the units that are still to come; the holdout buys too.
fn stock(experiment: &Experiment, periods: &[Period]) -> Option<Stock> {
    let (stock, horizon) = (experiment.stock?, experiment.horizon?);
    let all = || periods.iter().flat_map(|period| period.arms.iter().chain([&period.holdout]));
    let sold: i64 = all().map(|tally| tally.units).sum();
    let seen: f64 = all().map(|tally| tally.exposures as f64).sum();
    Some(Stock { pieces: stock.saturating_sub(sold).max(0) as f64, units: (horizon as f64 - seen).max(1.0) })
}

#[cfg(test)]
mod tests;
