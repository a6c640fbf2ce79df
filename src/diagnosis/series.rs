//! How shares, values and gains went from period to period.

use super::Evidence;
use crate::inference::{Course, Estimate, Question};
use crate::time::HOUR_MS;
use crate::{Error, Period, TOTAL, Tally};

/// A number at the end of each period, with the interval that holds at all looks together. NaN where nothing is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Band {
    /// The estimate.
    pub value: Vec<f64>,
    /// Lower end at 95 %.
    pub low: Vec<f64>,
    /// Upper end.
    pub high: Vec<f64>,
}

impl Band {
    /// The course as a band, with NaN up to `length`.
    fn of(course: &[Option<Estimate>], length: usize) -> Self {
        let column = |number: fn(&Estimate) -> f64| {
            let known = course.iter().map(|of| of.as_ref().map_or(f64::NAN, number));
            known.chain(std::iter::repeat(f64::NAN)).take(length).collect()
        };
        Self {
            value: column(|of| of.value),
            low: column(|of| of.at_any_look.low),
            high: column(|of| of.at_any_look.high),
        }
    }
}

/// One arm (or the holdout) over time.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmSeries {
    /// Share of the units that were not in the holdout, in each period; NaN where it is unknown. Of the holdout: none.
    pub share: Vec<f64>,
    /// Value of an exposure up to the end of each period, in minor units (or orders): the same as `standing` says of the
    /// last.
    pub value: Band,
    /// Exposures up to there.
    pub exposures: Vec<f64>,
    /// Orders up to there, known by now.
    pub orders: Vec<f64>,
}

impl ArmSeries {
    /// The values, with nothing counted yet.
    fn of(course: Course, length: usize) -> Self {
        let [share, exposures, orders] = std::array::from_fn(|_| Vec::with_capacity(length));
        Self { share, value: Band::of(&course.0, length), exposures, orders }
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
    /// [`Course::of_gain_to_holdout`].
    pub gain_to_holdout: Band,
    /// [`Course::of_gain_to_equal`].
    pub gain_to_equal: Band,
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
        let (question, length) = (Question::of(&self.experiment), periods.len());
        let (values, of_holdout) = Course::of_values(basis, &question)?;
        let mut values = values.into_iter();
        let line = |_| ArmSeries::of(values.next().unwrap_or(Course(Vec::new())), length);
        let mut arms: Vec<ArmSeries> = self.experiment.arms.iter().map(line).collect();
        let mut holdout = ArmSeries::of(of_holdout, length);
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
            gain_to_holdout: Band::of(&Course::of_gain_to_holdout(basis, &question)?.0, length),
            gain_to_equal: Band::of(&Course::of_gain_to_equal(basis, &question)?.0, length),
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

/// Sum of an arm over these periods.
pub(super) fn total(periods: &[Period], place: usize) -> Result<Tally, Error> {
    periods
        .iter()
        .filter_map(|period| period.arms.get(place))
        .try_fold(Tally::default(), |sum, tally| sum.plus(tally))
}
