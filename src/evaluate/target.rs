//! What a target policy would have shared out, batch by batch, from what the log said before.

use super::log::{Log, LoggedArm, Row, Unit};
use super::sketch::{Offer, Sketch};
use crate::evidence::{self, ArmSums, Loss};
use crate::{
    Cohort, Error, History, Objective, Period, Policy, PolicyChoice, PolicyInput, Prior, RewardModel, TOTAL,
    Tally,
};

/// Whose value is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// The policy that made the log.
    Logged,
    /// The same share for each arm of the log.
    Uniform,
    /// Always this arm.
    Arm(String),
    /// A policy of haggle's that learns from the log.
    ///
    /// Rows are in the order of time. The shares for each batch of rows come from the tallies of all rows before it,
    /// for all arms that the log ever names, with the number of rows as the horizon; the first batch sees the prior
    /// alone. So the estimate is of the mean value of the allocations that the policy would have published along this
    /// log, and no row has a say in its own. A conversion of an arm is worth what the log says (`value_minor`), or
    /// else what it brought on average before, or else its price.
    Policy {
        /// Which, with its parameters.
        choice: PolicyChoice,
        /// Least share of an arm. 0 to one over the number of arms.
        floor: f64,
        /// Belief about each arm before the first row.
        prior: Prior,
    },
}

/// The target's shares: none for the logged policy, else one for each batch of rows, with one number per arm.
pub(super) struct Shares {
    pub batch: usize,
    pub of_batch: Option<Vec<Vec<f64>>>,
}

impl Target {
    pub(super) fn shares(&self, log: &Log, batch: usize) -> Result<Shares, Error> {
        let arms = log.arms();
        let forever = |shares: Vec<f64>| Shares { batch: usize::MAX, of_batch: Some(vec![shares]) };
        match self {
            Self::Logged => Ok(Shares { batch, of_batch: None }),
            Self::Uniform => Ok(forever(vec![1.0 / arms.len() as f64; arms.len()])),
            Self::Arm(name) => {
                if arms.iter().all(|arm| arm.name != *name) {
                    let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).take(40).collect();
                    let allowed = format!("one of {}", names.join(", "));
                    return Err(Error::value("arm", format!("{name:?}"), allowed));
                }
                Ok(forever(arms.iter().map(|arm| f64::from(u8::from(arm.name == *name))).collect()))
            }
            Self::Policy { choice, floor, prior } => {
                let mut learner = Learner::new(log, choice, *floor, *prior)?;
                let share = |&share: &u32| f64::from(share) / f64::from(TOTAL);
                let of_batch = log.rows().chunks(batch).map(|rows| {
                    let shares = choice.name.allocate(&learner.input()?);
                    learner.observe(rows)?;
                    Ok(shares.shares().iter().map(share).collect())
                });
                Ok(Shares { batch, of_batch: Some(of_batch.collect::<Result<_, Error>>()?) })
            }
        }
    }
}

/// A policy on its way along the log.
struct Learner<'a> {
    arms: &'a [LoggedArm],
    sketch: Sketch,
    /// One period per batch, for the policies that look at periods.
    periods: Vec<Period>,
    seen: Vec<Seen>,
}

/// What was seen of one arm.
#[derive(Clone, Copy, Default)]
struct Seen {
    sums: ArmSums,
    /// Rewards of the exposures that converted.
    earned: f64,
}

impl<'a> Learner<'a> {
    fn new(log: &'a Log, choice: &PolicyChoice, floor: f64, prior: Prior) -> Result<Self, Error> {
        let policy = choice.name;
        if policy.needs_stock() {
            let allowed = "one without a stock: this log's own policy has sold it; simulate the policy";
            return Err(Error::value("target policy", policy.name(), allowed));
        }
        if let Some(arm) = log.arms().iter().find(|arm| policy.needs_prices() && arm.price_minor.is_none()) {
            let allowed = format!("in the log for the policy {}", policy.name());
            return Err(Error::value(format!("price_minor of arm {}", arm.name), "missing", allowed));
        }
        // With conversions only, prices tell arms apart for the policies that go by them, and for no other.
        let sketch = Sketch {
            objective: Objective::Conversion,
            offers: Vec::new(),
            policy: choice.clone(),
            floor,
            prior,
            reward_model: RewardModel::Conversion,
            horizon: Some(log.len() as u64),
            stock: None,
        };
        let seen = vec![Seen::default(); log.arms().len()];
        let mut learner = Self { arms: log.arms(), sketch, periods: Vec::new(), seen };
        if log.unit() != Unit::Conversions {
            // The value is what the log says, whatever the price: price less value is the unit cost.
            learner.sketch.objective = Objective::Profit;
        }
        Ok(learner)
    }

    /// What the policy knows from the rows observed so far.
    fn input(&mut self) -> Result<PolicyInput, Error> {
        self.sketch.offers = self.arms.iter().zip(&self.seen).map(|(arm, seen)| offer(arm, seen)).collect();
        if learns_by_period(self.sketch.policy.name) {
            return self.sketch.input(&History::new(self.periods.clone())?);
        }
        let sums: Vec<ArmSums> = self.seen.iter().map(|seen| seen.sums).collect();
        evidence::input_of(&self.sketch.experiment()?, &sums)
    }

    fn observe(&mut self, rows: &[Row]) -> Result<(), Error> {
        let loss = Loss::of(&self.sketch.experiment()?);
        let mut arms = vec![Tally::default(); self.arms.len()];
        for row in rows {
            let place = row.arm as usize;
            let (Some(tally), Some(seen)) = (arms.get_mut(place), self.seen.get_mut(place)) else { continue };
            tally.exposures += 1;
            tally.conversions += i64::from(row.converted);
            seen.sums.exposures += 1.0;
            seen.sums.loss += loss.of_one(place, row.converted, row.propensity);
            if row.converted {
                seen.sums.conversions += 1.0;
                seen.earned += row.reward;
            }
        }
        if learns_by_period(self.sketch.policy.name) {
            let cohort = Cohort { epoch: self.periods.len() as u32, hour: 0 };
            self.periods.push(Period { cohort, shares: Vec::new(), arms, holdout: Tally::default() });
        }
        Ok(())
    }
}

/// Whether the policy looks at periods one by one; every other learns from sums over all rows.
fn learns_by_period(policy: Policy) -> bool {
    policy.fades() || policy == Policy::ContrastThompson
}

/// The arm with its price, and with what a conversion of it is worth: as the log says, or else the mean so far in whole
/// units, or else its price.
fn offer(arm: &LoggedArm, seen: &Seen) -> Offer {
    let so_far = || (seen.earned / seen.sums.conversions).round().clamp(1.0, 1e9) as i64;
    let so_far = (seen.sums.conversions > 0.0).then(so_far);
    let value_minor = arm.value_minor.or(so_far).or(arm.price_minor).unwrap_or(1);
    Offer { name: arm.name.clone(), price_minor: arm.price_minor.unwrap_or(value_minor), value_minor }
}
