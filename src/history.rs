//! Stage 6 of the loop: what was counted in an experiment, period by period.
//!
//! The central store's view of one experiment: one [`Period`] per cohort, in the order of time. Delay correction,
//! discounting, comparisons within cohorts, confidence sequences and the sample-ratio test all read it.
//!
//! Out of scope: how many exposures each arm may count for a policy (`evidence`) and where the tallies come from
//! (`ledger`).

use crate::{Cohort, Error, Tally};

/// What was counted in one cohort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// Allocation and hour of the exposures.
    pub cohort: Cohort,
    /// Share of each arm out of 65536 under which they were made, in the order of the arms; empty where unknown. One more
    /// number is the share of the holdout among all units then, for an experiment whose holdout was extended.
    pub shares: Vec<u32>,
    /// One tally per arm, in the order of the arms.
    pub arms: Vec<Tally>,
    /// The tally of the holdout.
    pub holdout: Tally,
}

/// All periods of one experiment, in the order of hour and epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    periods: Vec<Period>,
}

impl History {
    /// The history with these periods, in any order.
    ///
    /// # Errors
    /// Periods with another number of arms or shares than the first one's, counts that are negative, and more
    /// conversions than exposures.
    pub fn new(periods: Vec<Period>) -> Result<Self, Error> {
        let key = |period: &Period| (period.cohort.hour, period.cohort.epoch);
        let mut sorted: Vec<Period> = Vec::with_capacity(periods.len());
        let arms = periods.first().map_or(0, |period| period.arms.len());
        for period in periods {
            if period.arms.len() != arms {
                return Err(Error::value("number of arms of a period", period.arms.len(), arms.to_string()));
            }
            if ![0, arms, arms + 1].contains(&period.shares.len()) {
                return Err(Error::value(
                    "number of shares of a period",
                    period.shares.len(),
                    arms.to_string(),
                ));
            }
            for tally in period.arms.iter().chain([&period.holdout]) {
                tally.check()?;
            }
            // They come in order as a rule; the standard library's sort is four kilobytes in the Worker.
            let place = sorted.partition_point(|known| key(known) <= key(&period));
            sorted.insert(place, period);
        }
        Ok(Self { periods: sorted })
    }

    /// The periods, the oldest first.
    pub fn periods(&self) -> &[Period] {
        &self.periods
    }

    /// Sum of all periods, one tally per arm.
    ///
    /// # Errors
    /// A sum beyond the exact range, see [`Tally::plus`].
    pub fn arm_totals(&self) -> Result<Vec<Tally>, Error> {
        let arms = self.periods.first().map_or(0, |period| period.arms.len());
        let mut sums = vec![Tally::default(); arms];
        for period in &self.periods {
            for (sum, tally) in sums.iter_mut().zip(&period.arms) {
                *sum = sum.plus(tally)?;
            }
        }
        Ok(sums)
    }
}
