//! What is simulated: prices with hidden conversion rates, and how the world gets in the way of learning them.

mod read;

pub(super) use read::read_arms;

use crate::experiment::{Arm, Item};
use crate::inference::Rules;
use crate::money::Tax;
use crate::{Currency, DelayCorrection, Error, Experiment, Objective, Policy, PolicyChoice, Prior};

use super::wait::Wait;

/// Most units of one simulation.
pub const HORIZON_MAX: u64 = 10_000_000;

/// Most scheduled changes, values of an empirical delay, and locations.
pub const LIST_MAX: usize = 1000;

/// A validated world for policies to be compared in. There is no way to get one but by parsing it.
///
/// ```
/// let environment = haggle::simulate::Environment::from_toml(r#"
/// objective = "profit"
/// horizon = 20000
/// feedback_every = 1000
/// [[arms]]
/// name = "a"
/// price_minor = 1900
/// cost_minor = 800
/// rate = 0.06
/// [[arms]]
/// name = "b"
/// price_minor = 1750
/// cost_minor = 800
/// rate = 0.09
/// "#)?;
/// assert_eq!(environment.arms.len(), 2);
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Environment {
    /// What is maximised, and what regret is measured in.
    pub objective: Objective,
    /// Currency of the prices; EUR where the file does not say.
    pub currency: Currency,
    /// Units (visitors) in all: 1 to 10 000 000.
    pub horizon: u64,
    /// Units between two publications: 1 (each unit learns from all before it) to the horizon.
    pub feedback_every: u64,
    /// Least share of a live arm: `[0, 1/arms]`; 0 where the file does not say.
    pub floor: f64,
    /// Share of units that always see the first arm and teach nothing: `[0, 0.5]`; 0 where the file does not say.
    pub holdout: f64,
    /// What the policies believe of each arm beforehand; Beta(1, 1) where the file does not say.
    pub prior: Prior,
    /// The arms, 2 to 64.
    pub arms: Vec<TrueArm>,
    /// How late conversions come; at once where the file does not say.
    pub delay: Option<Delay>,
    /// Scheduled changes of rates, in the order of time.
    pub changes: Vec<Change>,
    /// Arms that are taken away and replaced.
    pub replacement: Option<Replacement>,
    /// Pieces that can be sold in all, where they are limited.
    pub inventory: Option<i64>,
    /// Where the decisions are made.
    pub edges: Edges,
    /// When a run counts as decided; nothing is looked at where the file does not say.
    pub stop: Option<Rules>,
}

/// One price and what it really does.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueArm {
    /// Short name: small letters, digits and hyphens.
    pub name: String,
    /// Price of one unit.
    pub price_minor: i64,
    /// Net cost of one unit; needed under the profit objective.
    pub cost_minor: Option<i64>,
    /// True conversion rate, hidden from the policy: `[0, 1]`.
    pub rate: f64,
}

/// How late conversions come, and what the policy makes of it. Time in units.
#[derive(Debug, Clone, PartialEq)]
pub struct Delay {
    /// How long after its exposure a conversion comes.
    pub wait: Wait,
    /// Conversions that come later than this do not count: 1 to 10^9; the horizon where the file does not say.
    pub window: u64,
    /// How exposures count whose conversion may still be under way.
    pub correction: DelayCorrection,
}

/// A scheduled change of one arm's rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Number of the first unit that buys at the new rate, where the first unit of all has number 0.
    pub at: u64,
    /// Position of the arm.
    pub arm: usize,
    /// Its rate from then on.
    pub rate: f64,
}

/// Arms that are replaced by new ones at the same price, of which nothing is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Replacement {
    /// Probability that one arm, any with the same probability, is replaced before a unit comes: `[0, 1]`.
    pub probability: f64,
    /// The new arm's rate is drawn from Beta(alpha, beta).
    pub alpha: f64,
    /// Second parameter of the same.
    pub beta: f64,
}

/// Where the decisions are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edges {
    /// Number of locations: 1 to 1000. Units come to them in turn, and each reports its own running totals.
    pub count: usize,
    /// How late the slowest location has a new snapshot, in units: 0 to 10 000 000. The first has it at once, and the
    /// others lie evenly between.
    pub stale_units: u64,
}

impl Environment {
    /// The same world with another number of units between two publications.
    ///
    /// # Errors
    /// A number that is not from 1 to the horizon.
    pub fn with_feedback_every(mut self, units: u64) -> Result<Self, Error> {
        if !(1..=self.horizon).contains(&units) {
            let allowed = format!("from 1 to the horizon of {} units", self.horizon);
            return Err(Error::value("feedback_every", units, allowed));
        }
        self.feedback_every = units;
        Ok(self)
    }

    /// Whether the policy can run in this world.
    ///
    /// # Errors
    /// A policy that needs stock where it is not limited, one that needs an order of prices where two are equal, and a
    /// fixed split with another number of shares than arms.
    pub fn check_policy(&self, choice: &PolicyChoice) -> Result<(), Error> {
        let policy = choice.name;
        if policy.needs_stock() && self.inventory.is_none() {
            let allowed = format!("given for the policy {}", policy.name());
            return Err(Error::value("inventory", "missing", allowed));
        }
        choice.check_arms(self.arms.len())?;
        let needs_order =
            matches!(policy, Policy::MonotoneThompson | Policy::DemandThompson | Policy::InventoryThompson);
        for (i, arm) in self.arms.iter().enumerate().filter(|_| needs_order) {
            if let Some(other) = self.arms.iter().take(i).find(|other| other.price_minor == arm.price_minor) {
                let given = format!("{} in both {} and {}", arm.price_minor, other.name, arm.name);
                let allowed = format!("different in every arm for the policy {}", policy.name());
                return Err(Error::value("price_minor", given, allowed));
            }
        }
        Ok(())
    }

    /// Units of one tick: the hour of this world, by which cohorts are told apart.
    ///
    /// A tenth of the mean delay, so that weighting by age sees its shape; without delay one publication.
    pub(super) fn tick(&self) -> u64 {
        self.delay.as_ref().map_or(self.feedback_every, |delay| {
            let tenth = (delay.wait.mean() / 10.0).ceil() as u64;
            // The window may have at most 2160 ticks, as an experiment's may have hours.
            tenth.max(delay.window.min(self.horizon).div_ceil(2160)).max(1)
        })
    }

    /// Value of a conversion of an arm. Minor units; 1 under the conversion objective.
    pub(super) fn value_minor(&self, arm: &TrueArm) -> i64 {
        self.objective.value_minor(arm.price_minor, arm.cost_minor).unwrap_or(1)
    }

    /// The experiment that asks about these arms, in the given order.
    pub(super) fn experiment(&self, choice: &PolicyChoice, order: &[usize]) -> Experiment {
        let ordered = order.iter().filter_map(|&place| self.arms.get(place));
        let arms: Vec<Arm> = ordered
            .map(|arm| Arm { cost_minor: arm.cost_minor, ..Arm::at(&arm.name, arm.price_minor) })
            .collect();
        let control = self.arms.first();
        let mut policy = choice.clone();
        policy.shares = choice
            .shares
            .as_ref()
            .map(|shares| order.iter().filter_map(|&place| shares.get(place).copied()).collect());
        Experiment {
            name: "simulation".into(),
            hypothesis: "simulated".into(),
            document: "https://simulation.invalid".into(),
            objective: self.objective,
            currency: self.currency,
            holdout: self.holdout,
            floor: self.floor,
            reward_window_hours: self.delay.as_ref().map_or(1, |delay| {
                delay.window.min(self.horizon).div_ceil(self.tick()).clamp(1, 2160) as u32
            }),
            salt: "simulation".into(),
            control: control.map_or_else(String::new, |arm| arm.name.clone()),
            policy,
            prior: self.prior,
            delay: self.delay.as_ref().map_or(DelayCorrection::Naive, |delay| delay.correction),
            horizon: Some(self.horizon),
            stock: self.inventory,
            ..Experiment::plain(
                Item {
                    sku: "SIMULATED".into(),
                    price_minor: control.map_or(1, |arm| arm.price_minor),
                    cost_minor: control.and_then(|arm| arm.cost_minor),
                    tax: Tax::default(),
                    compare_at_minor: None,
                },
                arms,
            )
        }
    }
}
