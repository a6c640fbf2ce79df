//! Stage 5, merge: the sufficient statistics of one arm in one cohort, as integers.
//!
//! Integers add exactly in any order, so any number of edge locations can be merged in any order. Squares are kept
//! for the interval of revenue and profit per exposed unit. A prior is never in a tally.
//!
//! Out of scope: who reports a tally and which report is the newest (see [`Ledger`](crate::Ledger)).

use crate::{Error, Objective};

/// Bound of every sum in a tally but the squares, either sign: what a double, and so JSON and JavaScript, keeps
/// exactly (2^53 - 1).
pub const SUM_MAX: i64 = (1 << 53) - 1;

/// Exposures that share an allocation and an hour: `epoch` counts the published allocations of the experiment,
/// `hour` the hours since 1970-01-01 UTC in which the price was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cohort {
    /// Number of the published allocation, from 1.
    pub epoch: u32,
    /// Hours since 1970-01-01 UTC.
    pub hour: u32,
}

/// Whose tally it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TallyKey {
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the arm, or `holdout`.
    pub arm: String,
    /// Allocation and hour of the exposure.
    pub cohort: Cohort,
}

/// Sums over the exposures of one [`TallyKey`]. Money in minor units, net.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tally {
    /// Units that were shown the price.
    pub exposures: i64,
    /// Of these, units with at least one reward.
    pub conversions: i64,
    /// Reward lines.
    pub rewards: i64,
    /// Units of the item sold (pieces).
    pub units: i64,
    /// Net revenue.
    pub revenue_minor: i64,
    /// Net cost.
    pub cost_minor: i64,
    /// Sum over exposures of the square of each one's revenue.
    pub revenue_sq: i128,
    /// Sum over exposures of the square of each one's revenue less cost.
    pub profit_sq: i128,
}

impl Tally {
    /// The sum of two tallies: commutative, associative, exact.
    ///
    /// # Errors
    /// A sum beyond ±[`SUM_MAX`] is refused, and neither tally changes.
    pub fn plus(&self, other: &Self) -> Result<Self, Error> {
        let sum = |what: &str, a: i64, b: i64| match a.checked_add(b) {
            Some(sum) if sum.abs() <= SUM_MAX => Ok(sum),
            _ => Err(Error::value(
                format!("sum of {what}"),
                format!("{a} + {b}"),
                format!("within ±{SUM_MAX}"),
            )),
        };
        Ok(Self {
            exposures: sum("exposures", self.exposures, other.exposures)?,
            conversions: sum("conversions", self.conversions, other.conversions)?,
            rewards: sum("rewards", self.rewards, other.rewards)?,
            units: sum("units", self.units, other.units)?,
            revenue_minor: sum("revenue_minor", self.revenue_minor, other.revenue_minor)?,
            cost_minor: sum("cost_minor", self.cost_minor, other.cost_minor)?,
            revenue_sq: self.revenue_sq.saturating_add(other.revenue_sq),
            profit_sq: self.profit_sq.saturating_add(other.profit_sq),
        })
    }

    /// Whether the counts can be those of real exposures.
    ///
    /// # Errors
    /// Negative counts, and more conversions than exposures.
    pub fn check(&self) -> Result<(), Error> {
        for (what, count) in [("exposures", self.exposures), ("conversions", self.conversions)] {
            if count < 0 {
                return Err(Error::value(what, count, "0 or more"));
            }
        }
        if self.conversions > self.exposures {
            let allowed = format!("at most the number of exposures, {}", self.exposures);
            return Err(Error::value("number of conversions", self.conversions, allowed));
        }
        Ok(())
    }

    /// Net revenue less net cost.
    pub fn profit_minor(&self) -> i64 {
        // Exact for all that was counted, which is within ±2^53; what is only read may be anything.
        self.revenue_minor.saturating_sub(self.cost_minor)
    }

    /// What its exposures brought under an objective, and the sum of the squares of what each brought: in conversions,
    /// or in minor units.
    pub fn reward(&self, objective: Objective) -> (i64, i128) {
        match objective {
            Objective::Conversion => (self.conversions, i128::from(self.conversions)),
            Objective::Revenue => (self.revenue_minor, self.revenue_sq),
            Objective::Profit => (self.profit_minor(), self.profit_sq),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_that_would_lose_exactness_is_refused() {
        let full = Tally { revenue_minor: SUM_MAX, ..Tally::default() };
        let error = full.plus(&Tally { revenue_minor: 1, ..Tally::default() }).unwrap_err().to_string();
        assert!(error.contains("revenue_minor") && error.contains("9007199254740991"), "{error}");
        assert!(full.plus(&Tally { revenue_minor: -1, ..Tally::default() }).is_ok());
    }
}
