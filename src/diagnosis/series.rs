//! How shares, values and gains went from period to period.

use super::Evidence;
use crate::inference::{Course, Courses, Question};
use crate::time::HOUR_MS;
use crate::{Error, TOTAL, Tally};

/// One arm (or the holdout) over time.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmSeries {
    /// Share of the units that were not in the holdout, in each period; NaN where it is unknown. Of the holdout: none.
    pub share: Vec<f64>,
    /// Value of an exposure up to the end of each period, in minor units (or orders): the same as `standing` says of the
    /// last.
    pub value: Course,
    /// Exposures up to there.
    pub exposures: Vec<f64>,
    /// Orders up to there, known by now.
    pub orders: Vec<f64>,
}

impl ArmSeries {
    /// The values, with nothing counted yet.
    fn of(course: Course, length: usize) -> Self {
        let [share, exposures, orders] = std::array::from_fn(|_| Vec::with_capacity(length));
        Self { share, value: course.up_to(length), exposures, orders }
    }

    /// Adds what was counted in the next period.
    fn count(&mut self, tally: &Tally) {
        let grown = |column: &[f64], more: i64| column.last().copied().unwrap_or(0.0) + more as f64;
        self.exposures.push(grown(&self.exposures, tally.exposures));
        self.orders.push(grown(&self.orders, tally.conversions));
    }
}

/// The experiment over time: one number for the end of each period.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// When each period ended, in milliseconds since 1970-01-01 UTC. Growing; the allocations of one hour share it.
    pub at_ms: Vec<f64>,
    /// The arms, in the order of the experiment.
    pub arms: Vec<ArmSeries>,
    /// The holdout.
    pub holdout: ArmSeries,
    /// [`Courses::gain_to_holdout`].
    pub gain_to_holdout: Course,
    /// [`Courses::gain_to_equal`].
    pub gain_to_equal: Course,
}

impl Evidence {
    /// The experiment over time.
    ///
    /// Values and gains are computed from the same periods as `standing`: where those whose reward window is over hold at
    /// least half of all exposures, from these alone, and younger periods have NaN. The effort is that of reading the
    /// counts once. Where items are randomised, there are shares and sums alone.
    ///
    /// # Errors
    /// Shares that do not sum to 65536, counts that no exposures can have.
    pub fn series(&self) -> Result<Series, Error> {
        let (periods, basis) = (self.history.periods(), self.basis());
        let basis = if self.is_of_visitors() { basis } else { &[] };
        let length = periods.len();
        let courses = Courses::of(basis, &Question::of(&self.experiment))?;
        let mut values = courses.arms.into_iter();
        let line = |_| ArmSeries::of(values.next().unwrap_or_default(), length);
        let mut arms: Vec<ArmSeries> = self.experiment.arms.iter().map(line).collect();
        let mut holdout = ArmSeries::of(courses.holdout, length);
        // Period by period, as they lie in memory.
        for period in periods {
            let shares = period.shares.iter().map(|&share| f64::from(share) / f64::from(TOTAL));
            let shares = shares.chain(std::iter::repeat(f64::NAN));
            for ((line, tally), share) in arms.iter_mut().zip(&period.arms).zip(shares) {
                line.share.push(share);
                line.count(tally);
            }
            holdout.count(&period.holdout);
        }
        Ok(Series {
            at_ms: self.ends(),
            arms,
            holdout,
            gain_to_holdout: courses.gain_to_holdout.up_to(length),
            gain_to_equal: courses.gain_to_equal.up_to(length),
        })
    }

    /// When each period ended: the allocations of one hour share it evenly, the present hour ends now.
    pub(super) fn ends(&self) -> Vec<f64> {
        let (periods, hour_ms) = (self.history.periods(), HOUR_MS as f64);
        let mut ends = Vec::with_capacity(periods.len());
        for of_hour in periods.chunk_by(|one, other| one.cohort.hour == other.cohort.hour) {
            let start = of_hour.first().map_or(0.0, |period| f64::from(period.cohort.hour) * hour_ms);
            let end = (start + hour_ms).min((self.now_ms as f64).max(start));
            let count = of_hour.len() as f64;
            ends.extend((1..=of_hour.len()).map(|place| start + (end - start) * (place as f64 / count)));
        }
        ends
    }
}
