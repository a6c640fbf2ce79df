//! What may be concluded from an experiment whose allocation adapts and whose numbers are looked at every day.
//!
//! An ordinary 95 % interval is meant for one look at data whose sample sizes were fixed beforehand. A bandit breaks
//! both: it sends fewer units to an arm after bad luck, so that bad luck stays, and its team looks until it likes what
//! it sees. What stands here holds all the same:
//!
//! | file | answers |
//! |---|---|
//! | `rate` | in which range is the conversion rate of an arm, at every look at once |
//! | `boundary` | the widths: normal mixture, asymptotic confidence sequence, mSPRT |
//! | `effect` | what is an exposure of an arm worth, and what more than one of the control or the holdout |
//! | `course` | the same after every period |
//! | `sample_ratio` | do the exposures fall on the arms as they were served |
//! | `state` | may the experiment stop, and if not, how many orders are missing |
//! | `report` | all of it for one experiment |
//!
//! Everything is a closed form of sums that merge, one period after another. `docs/statistics.md` says in plain words
//! what the numbers mean, and has the measured error rates.
//!
//! Out of scope: beliefs (`posterior`) and the value of a policy that was never run (`evaluate`). Orders on their way:
//! the rate and value of an arm are low by what is missing, so give the periods whose reward window is over
//! ([`matured`]). All arms of a period miss the same part, so differences between arms shrink but keep their sign.

mod boundary;
pub use boundary::{msprt, normal_mixture, sequence_width};

mod course;
pub use course::{Course, Courses};

mod effect;
pub use effect::{Difference, Estimate, Question, difference, differences, value};

mod rate;
pub use rate::{rate_sequence, simultaneous};

mod report;
pub(crate) use report::stands;
pub use report::{ArmBelief, ArmReport, Plan, RateReport, Report};

mod sample_ratio;
pub use sample_ratio::{ALARM_AT, SampleRatio};

mod state;
pub use state::{Reason, Rules, Stage, Standing, State, state};

mod stratum;

use crate::error::decimal;
use crate::{Error, History, Period, TOTAL};

/// A range of numbers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Least.
    pub low: f64,
    /// Greatest.
    pub high: f64,
}

impl Interval {
    /// The interval as far to both sides of a number.
    pub(crate) fn around(middle: f64, half: f64) -> Self {
        Self { low: middle - half, high: middle + half }
    }

    /// The interval of what is worth `factor` (0 or more) each: a rate's interval times the price is that of the
    /// revenue.
    ///
    /// ```
    /// let rate = haggle::inference::rate_sequence(1000, 170, 0.05)?;
    /// assert!((rate.times(1900.0).low - 246.3).abs() < 0.1);
    /// # Ok::<(), haggle::Error>(())
    /// ```
    pub fn times(self, factor: f64) -> Self {
        Self { low: self.low * factor, high: self.high * factor }
    }

    /// Whether the number is in the interval.
    pub fn contains(&self, number: f64) -> bool {
        (self.low..=self.high).contains(&number)
    }

    /// Distance between the ends.
    pub fn width(&self) -> f64 {
        self.high - self.low
    }
}

/// The periods whose exposures have all the rewards that they will have: those made more than `window_hours` before
/// the hour `now`, both in hours as in [`Cohort`](crate::Cohort).
///
/// ```
/// use haggle::{Cohort, History, Period, Tally, inference::matured};
/// let period = |hour| Period {
///     cohort: Cohort { epoch: 1, hour },
///     shares: vec![65_536],
///     arms: vec![Tally::default()],
///     holdout: Tally::default(),
/// };
/// let history = History::new((0..100).map(period).collect())?;
/// assert_eq!(matured(&history, 24, 100).len(), 76);
/// # Ok::<(), haggle::Error>(())
/// ```
pub fn matured(history: &History, window_hours: u32, now: u32) -> &[Period] {
    let periods = history.periods();
    let is_over = |period: &Period| u64::from(period.cohort.hour) + u64::from(window_hours) < u64::from(now);
    periods.split_at(periods.partition_point(is_over)).0
}

/// Refuses an error rate that is none.
pub(crate) fn check_alpha(alpha: f64) -> Result<(), Error> {
    if (1e-12..=0.5).contains(&alpha) {
        return Ok(());
    }
    Err(Error::value("error rate alpha", decimal(alpha), "from 0.000000000001 to 0.5"))
}

/// The shares under which a period's exposures were made, and that of the holdout among all units, which is `holdout`
/// where the period has none of its own; `None` where the shares are unknown.
fn served(period: &Period, holdout: f64) -> Result<Option<(&[u32], f64)>, Error> {
    if period.shares.is_empty() {
        return Ok(None);
    }
    let (shares, own) = period.shares.split_at(period.arms.len().min(period.shares.len()));
    let sum: u64 = shares.iter().copied().map(u64::from).sum();
    if sum != u64::from(TOTAL) {
        return Err(Error::value("sum of the shares of a period", sum, TOTAL.to_string()));
    }
    Ok(Some((shares, own.first().map_or(Ok(holdout), |&own| check_holdout(own))?)))
}

/// Refuses a share of the holdout that leaves nothing for the arms.
fn check_holdout(share: u32) -> Result<f64, Error> {
    if share < TOTAL {
        return Ok(f64::from(share) / f64::from(TOTAL));
    }
    Err(Error::value("share of the holdout", share, format!("less than {TOTAL}")))
}
