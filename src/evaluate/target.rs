//! What a target policy would have shared out, batch by batch, from what the log said before.

use super::log::{Log, LoggedArm, Row, Unit};
use crate::{ArmInput, Error, Policy, PolicyInput, Posterior, Prior, TOTAL};

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
    /// for all arms that the log ever names; the first batch sees the prior alone. So the estimate is of the mean
    /// value of the allocations that the policy would have published along this log, and no row has a say in its own.
    Policy {
        /// Which.
        policy: Policy,
        /// Its parameters in the order of [`Policy::parameters`]; what is missing has its default.
        parameters: Vec<f64>,
        /// Least share of an arm, out of 65536.
        floor: u32,
        /// Belief about each arm before the first row.
        prior: Prior,
    },
}

/// The target's shares: none for the logged policy, else one for each batch of rows, with one number per arm.
pub(super) struct Shares {
    pub batch: usize,
    pub of_batch: Option<Vec<Vec<f64>>>,
}

/// What was seen of one arm.
#[derive(Clone, Copy, Default)]
struct Seen {
    exposures: f64,
    conversions: f64,
    /// Rewards of the exposures that converted.
    earned: f64,
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
                    return Err(Error::value(
                        "arm",
                        format!("{name:?}"),
                        format!("one of {}", names.join(", ")),
                    ));
                }
                Ok(forever(arms.iter().map(|arm| f64::from(u8::from(arm.name == *name))).collect()))
            }
            Self::Policy { policy, parameters, floor, prior } => {
                check(*policy, arms)?;
                let mut seen = vec![Seen::default(); arms.len()];
                let mut of_batch = Vec::with_capacity(log.len().div_ceil(batch));
                for rows in log.rows().chunks(batch) {
                    let mut input = PolicyInput::new(inputs(log, &seen, *prior)?, *floor)?;
                    input.parameters.clone_from(parameters);
                    input.horizon = Some(log.len() as u64);
                    let shares = policy.allocate(&input);
                    let share = |&share: &u32| f64::from(share) / f64::from(TOTAL);
                    of_batch.push(shares.shares().iter().map(share).collect());
                    rows.iter().for_each(|row| observe(&mut seen, row));
                }
                Ok(Shares { batch, of_batch: Some(of_batch) })
            }
        }
    }
}

/// What the log of another policy can tell about this one.
fn check(policy: Policy, arms: &[LoggedArm]) -> Result<(), Error> {
    let refuse = |allowed: &str| Err(Error::value("target policy", policy.name(), allowed));
    if policy.needs_stock() {
        return refuse("one without a stock, which this log's policy has sold instead: simulate it");
    }
    if policy.needs_cohorts() {
        return refuse("one that learns from the sum of all rows, not from cohorts: simulate it");
    }
    if policy.needs_prices() {
        for (place, arm) in arms.iter().enumerate() {
            let what = || format!("price_minor of arm {}", arm.name);
            let Some(price) = arm.price_minor else {
                return Err(Error::value(
                    what(),
                    "missing",
                    format!("in the log for the policy {}", policy.name()),
                ));
            };
            if arms.iter().take(place).any(|other| other.price_minor == Some(price)) {
                return Err(Error::value(what(), price, "different from every other arm's"));
            }
        }
    }
    Ok(())
}

fn observe(seen: &mut [Seen], row: &Row) {
    if let Some(seen) = seen.get_mut(row.arm as usize) {
        seen.exposures += 1.0;
        if row.converted {
            seen.conversions += 1.0;
            seen.earned += row.reward;
        }
    }
}

fn inputs(log: &Log, seen: &[Seen], prior: Prior) -> Result<Vec<ArmInput>, Error> {
    let input = |(arm, seen): (&LoggedArm, &Seen)| {
        let value = if log.unit() == Unit::Conversions { 1 } else { value(arm, seen) };
        let (alpha, beta) =
            (prior.alpha() + seen.conversions, prior.beta() + seen.exposures - seen.conversions);
        let posterior = Posterior::new(alpha, beta, value)?;
        let price = arm.price_minor.unwrap_or(value);
        Ok(ArmInput::new(posterior, price).counted(seen.exposures, seen.conversions))
    };
    log.arms().iter().zip(seen).map(input).collect()
}

/// What a conversion of the arm is worth: as the log says, or else its mean so far in whole units, or else its price.
fn value(arm: &LoggedArm, seen: &Seen) -> i64 {
    let so_far =
        (seen.conversions > 0.0).then(|| (seen.earned / seen.conversions).round().clamp(1.0, 1e12) as i64);
    arm.value_minor.or(so_far).or(arm.price_minor).unwrap_or(1)
}
