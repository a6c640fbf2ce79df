//! The log: its arms and its decisions, 24 bytes each, in the order in which they were made.

use crate::Error;
use crate::error::decimal;
use crate::money::PRICE_MINOR_MAX;

/// Most arms of a log. (A policy of haggle's takes 32; the logs of others may be evaluated beyond that.)
pub const LOG_ARMS_MAX: usize = 1000;

/// Largest reward of one exposure, either sign.
const REWARD_MAX: f64 = 1e12;

/// What rewards are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 1 for a conversion, else 0.
    Conversions,
    /// Minor units of the currency.
    Minor,
    /// Whatever the log of another program counts.
    Reward,
}

impl Unit {
    /// The name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Conversions => "conversions",
            Self::Minor => "minor units",
            Self::Reward => "reward",
        }
    }
}

/// One arm of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedArm {
    /// Its name in the log.
    pub name: String,
    /// Its price, where the log has it.
    pub price_minor: Option<i64>,
    /// What one conversion is worth, where the log has it.
    pub value_minor: Option<i64>,
}

/// One decision, as a reader found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decided<'a> {
    /// Name of the arm.
    pub arm: &'a str,
    /// Price of the arm, where known.
    pub price_minor: Option<i64>,
    /// What a conversion of the arm is worth, where known.
    pub value_minor: Option<i64>,
    /// Probability with which the arm was chosen. `(0, 1]`.
    pub propensity: f64,
    /// What the exposure earned, in the log's unit. Within ±1e12.
    pub reward: f64,
    /// Whether it sold.
    pub converted: bool,
    /// What the reward counts.
    pub unit: Unit,
}

/// One decision of the log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    pub arm: u32,
    pub converted: bool,
    pub propensity: f64,
    pub reward: f64,
}

/// Decisions with propensities and rewards.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Log {
    arms: Vec<LoggedArm>,
    rows: Vec<Row>,
    skipped: usize,
    unit: Option<Unit>,
    /// Name of the experiment, once a line has said it.
    pub(super) experiment: Option<String>,
}

impl Log {
    /// The arms, in the order in which the log first named them.
    pub fn arms(&self) -> &[LoggedArm] {
        &self.arms
    }

    /// What its rewards count.
    pub fn unit(&self) -> Unit {
        self.unit.unwrap_or(Unit::Reward)
    }

    /// Number of decisions.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no decision.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Lines that were left out.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// Exposures of each arm.
    pub fn exposures(&self) -> Vec<usize> {
        let mut counts = vec![0; self.arms.len()];
        for row in &self.rows {
            if let Some(count) = counts.get_mut(row.arm as usize) {
                *count += 1;
            }
        }
        counts
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Leaves a line out.
    pub fn skip(&mut self) {
        self.skipped += 1;
    }

    /// Adds the decision that stands in this line.
    ///
    /// # Errors
    /// A propensity outside of `(0, 1]`, a reward that is no number within ±1e12, a price or value that differs from
    /// the arm's earlier one, a unit that differs from the log's, more than 1000 arms, each with the number of the line.
    pub fn push(&mut self, line: usize, decided: &Decided<'_>) -> Result<(), Error> {
        let Decided { propensity, reward, .. } = *decided;
        if !(propensity > 0.0 && propensity <= 1.0) {
            let allowed =
                "a probability above 0 and at most 1: without it a decision says nothing of other policies";
            return Err(at(line, "propensity", decimal(propensity), allowed));
        }
        if !(-REWARD_MAX..=REWARD_MAX).contains(&reward) {
            return Err(at(line, "reward", decimal(reward), "a number within ±1000000000000"));
        }
        if let Some(unit) = self.unit.filter(|&unit| unit != decided.unit) {
            let allowed = format!("{} as in the lines before", unit.name());
            return Err(at(line, "unit of the reward", decided.unit.name(), allowed));
        }
        let arm = self.arm(line, decided.arm)?;
        self.worth(line, arm, decided)?;
        self.unit = Some(decided.unit);
        self.rows.push(Row { arm, converted: decided.converted, propensity, reward });
        Ok(())
    }

    /// The number of the arm with this name, which is new or was there before.
    ///
    /// # Errors
    /// A name without characters or with more than 200, and a 1001st arm.
    pub fn arm(&mut self, line: usize, name: &str) -> Result<u32, Error> {
        if let Some(place) = self.arms.iter().position(|arm| arm.name == name) {
            return Ok(place as u32);
        }
        if !(1..=200).contains(&name.chars().count()) {
            let given = format!("{} characters long", name.chars().count());
            return Err(at(line, "name of an arm", given, "1 to 200 characters long"));
        }
        if self.arms.len() >= LOG_ARMS_MAX {
            return Err(at(line, "number of arms", LOG_ARMS_MAX + 1, format!("at most {LOG_ARMS_MAX}")));
        }
        self.arms.push(LoggedArm { name: name.into(), price_minor: None, value_minor: None });
        Ok(self.arms.len() as u32 - 1)
    }

    /// Keeps what an arm costs and is worth, which is the same in every line.
    fn worth(&mut self, line: usize, place: u32, decided: &Decided<'_>) -> Result<(), Error> {
        let Some(arm) = self.arms.get_mut(place as usize) else { return Ok(()) };
        let known = [
            ("price_minor", decided.price_minor, &mut arm.price_minor),
            ("value_minor", decided.value_minor, &mut arm.value_minor),
        ];
        for (what, given, known) in known {
            let Some(given) = given else { continue };
            let what = || format!("{what} of arm {}", arm.name);
            if !(1..=PRICE_MINOR_MAX).contains(&given) {
                return Err(at(line, &what(), given, format!("1 to {PRICE_MINOR_MAX}")));
            }
            match *known {
                Some(before) if before != given => {
                    let allowed = format!("{before} as in the lines before: another price is another arm");
                    return Err(at(line, &what(), given, allowed));
                }
                _ => *known = Some(given),
            }
        }
        Ok(())
    }
}

/// An error with the number of the line.
pub(super) fn at(
    line: usize,
    what: &str,
    given: impl std::fmt::Display,
    allowed: impl std::fmt::Display,
) -> Error {
    Error::value(format!("line {line}: {what}"), given, allowed)
}
