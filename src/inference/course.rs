//! How the estimates went from period to period, each with the interval that holds at all looks together.
//!
//! What is known after t periods is what [`value`](super::value) says of the first t. Asked for each t anew that takes
//! time with the square of the periods; here sums go on from one period to the next, since the sum of squares around
//! any centre is a parabola in it.
//!
//! Two more numbers are sums over units and not means: what the experiment gained against the holdout, and what its
//! policy gained against an equal split.
//!
//! Out of scope: differences between two arms after every period, which nothing draws.

use super::effect::SETTLED;
use super::stratum::{Side, Stratum, Widths, Worth};
use super::{Estimate, Question, check_holdout, served};
use crate::{Error, Period, TOTAL};

/// An estimate after every period, in the order of the periods, with the interval that holds at all looks together. NaN
/// where too little was known yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Course {
    /// The estimate.
    pub value: Vec<f64>,
    /// Lower end of the interval.
    pub low: Vec<f64>,
    /// Upper end.
    pub high: Vec<f64>,
}

/// All courses of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Courses {
    /// Value of an exposure of every arm: that of [`value`](super::value) for the periods so far.
    pub arms: Vec<Course>,
    /// The same of the holdout.
    pub holdout: Course,
    /// What all units that were sent to arms brought more, in sum, than they would have brought in the holdout.
    ///
    /// In minor units (or conversions), with the letters of `effect`: the sum over the units of
    /// `(1 - q) Γ`, where q is the share of the holdout then and Γ the difference of the unit's two scores, all arms
    /// being one side with probability 1 - q. As q never adapts, its mean is the gain whatever the policy did. Source:
    /// Horvitz and Thompson (1952), doi:10.1080/01621459.1952.10483446, with the control variate of Hadad and others
    /// (2021). Periods without known shares or without holdout add nothing.
    pub gain_to_holdout: Course,
    /// What the units of all arms brought more, in sum, than under an equal split of the arms that had a share.
    ///
    /// In minor units (or conversions): the sum over the units of `Σ_w (e_w - 1/K) Γ_w`, where e_w are the shares of
    /// the unit's period, K is how many arms had one, and Γ_w is the unit's score for arm w. Its mean is the gain
    /// whatever made the shares of the past: the value of one policy less that of another, stratified by periods, so that a
    /// base rate that drifts for all arms alike drops out. Source: Dudík, Erhan, Langford and Li (2014), *Doubly robust
    /// policy evaluation and optimization*, doi:10.1214/14-STS500, with the scores of Hadad and others (2021). Periods
    /// without known shares add nothing; NaN until 10 conversions are known.
    pub gain_to_equal: Course,
}

impl Courses {
    /// All courses, in one pass over the periods: hundreds of thousands of counts are read once.
    ///
    /// ```
    /// use haggle::inference::{Courses, Question, value};
    /// use haggle::{Choice, Cohort, History, Objective, Period, Tally};
    /// let counted = |exposures, conversions| Tally { exposures, conversions, ..Tally::default() };
    /// let periods = (1..=20).map(|epoch| Period {
    ///     cohort: Cohort { epoch, hour: 480_000 + epoch },
    ///     shares: vec![16_384, 49_152],
    ///     arms: vec![counted(250, 25), counted(750, 50)],
    ///     holdout: Tally::default(),
    /// });
    /// let history = History::new(periods.collect())?;
    /// let question = Question { objective: Objective::Conversion, holdout_share: 0, alpha: 0.05, narrowest_at: 1e4 };
    /// let courses = Courses::of(history.periods(), &question)?;
    /// let now = value(history.periods(), &question, Choice::Arm(0))?.ok_or("too little is known")?;
    /// let last = courses.arms[0].high[19];
    /// assert!((last / now.at_any_look.high - 1.0).abs() < 1e-9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`value`](super::value).
    pub fn of(periods: &[Period], question: &Question) -> Result<Self, Error> {
        let holdout = check_holdout(question.holdout_share)?;
        let count = periods.first().map_or(0, |period| period.arms.len());
        let mut widths = Widths::new(question)?;
        let line = |sides| Line::new(sides, periods.len());
        let mut of_arms: Vec<_> = (0..count).map(|_| (line(1), (0.0, 0.0))).collect();
        let (mut of_holdout, mut to_equal, mut to_holdout) = (line(1), line(1), line(2));
        let (mut all_before, mut holdout_before) = ((0.0, 0.0), (0.0, 0.0));
        let mut sides = Vec::with_capacity(count);
        for (at, period) in periods.iter().enumerate() {
            let (shares, q) = served(period, holdout)?.unwrap_or((&[], 0.0));
            let equal = 1.0 / shares.iter().filter(|&&share| share > 0).count() as f64;
            let of_all = period.arms.iter().map(|tally| tally.exposures).fold(0, i64::saturating_add);
            let mut all = Worth::default();
            sides.clear();
            for (place, (tally, (line, before))) in period.arms.iter().zip(&mut of_arms).enumerate() {
                let worth = question.worth(tally)?;
                all.add(&worth);
                let e = share(shares, place);
                let side = worth.side(1.0, e, before);
                line.go_on(at, of_all > 0 && e > 0.0, &mut widths, |so_far, widths| {
                    so_far.add(of_all, &Stratum::new(of_all, &[side]));
                    so_far.mean(widths)
                })?;
                if e > 0.0 {
                    sides.push(Side { sign: e - equal, ..side });
                }
            }
            to_equal.go_on(at, of_all > 0 && !sides.is_empty(), &mut widths, |so_far, widths| {
                so_far.add(of_all, &Stratum { h: 1.0, units: of_all as f64, sides: &sides });
                so_far.sum(widths)
            })?;
            // The holdout is compared among all units, an arm among those of the arms.
            let units = of_all.saturating_add(period.holdout.exposures);
            let side = question.worth(&period.holdout)?.side(1.0, q, &mut holdout_before);
            of_holdout.go_on(at, units > 0 && q > 0.0, &mut widths, |so_far, widths| {
                so_far.add(units, &Stratum::new(units, &[side]));
                so_far.mean(widths)
            })?;
            let pair = [all.side(1.0, 1.0 - q, &mut all_before), Side { sign: -1.0, ..side }];
            to_holdout.go_on(at, units > 0 && q > 0.0, &mut widths, |so_far, widths| {
                so_far.add(units, &Stratum { h: 1.0 - q, units: units as f64, sides: &pair });
                so_far.sum(widths)
            })?;
        }
        Ok(Self {
            arms: of_arms.into_iter().map(|(line, _)| line.course).collect(),
            holdout: of_holdout.course,
            gain_to_holdout: to_holdout.course,
            gain_to_equal: to_equal.course,
        })
    }
}

impl Course {
    /// The course with nothing known of the periods from here on up to `length`.
    pub(crate) fn up_to(mut self, length: usize) -> Self {
        for column in [&mut self.value, &mut self.low, &mut self.high] {
            column.resize(length, f64::NAN);
        }
        self
    }
}

/// A value, and the ends of its interval.
type Point = [f64; 3];

/// A course while it grows, the sums that it is made of, and what they amount to.
struct Line {
    so_far: SoFar,
    now: Point,
    course: Course,
}

impl Line {
    fn new(sides: usize, length: usize) -> Self {
        let [value, low, high] = std::array::from_fn(|_| vec![f64::NAN; length]);
        Self { so_far: SoFar::new(sides), now: [f64::NAN; 3], course: Course { value, low, high } }
    }

    /// Notes what is known after the period at this place: what was known before it, where it cannot be used.
    fn go_on(
        &mut self,
        at: usize,
        is_used: bool,
        widths: &mut Widths,
        add: impl FnOnce(&mut SoFar, &mut Widths) -> Result<Point, Error>,
    ) -> Result<(), Error> {
        if is_used {
            self.now = add(&mut self.so_far, widths)?;
        }
        let Course { value, low, high } = &mut self.course;
        if let (Some(value), Some(low), Some(high)) = (value.get_mut(at), low.get_mut(at), high.get_mut(at)) {
            [*value, *low, *high] = self.now;
        }
        Ok(())
    }
}

fn share(shares: &[u32], arm: usize) -> f64 {
    f64::from(shares.get(arm).copied().unwrap_or(0)) / f64::from(TOTAL)
}

/// Sums over the strata so far.
struct SoFar {
    /// Sides that each must have events enough; further sides count for the first.
    sides: usize,
    events: [(i64, i64); 2],
    units: i64,
    /// Σ h n and Σ h Γ.
    weight: f64,
    scores: f64,
    /// Σ h² (Γ - c)² is `squares[0] - 2 c squares[1] + c² squares[2]`.
    squares: [f64; 3],
    /// What all sides count for, in size; 0 where nothing is compared at all.
    asked: f64,
    /// What the degrees of freedom are made of.
    variance: f64,
    spread: f64,
}

impl SoFar {
    fn new(sides: usize) -> Self {
        Self {
            sides,
            events: [(0, 0); 2],
            units: 0,
            weight: 0.0,
            scores: 0.0,
            squares: [0.0; 3],
            asked: 0.0,
            variance: 0.0,
            spread: 0.0,
        }
    }

    fn add(&mut self, exposures: i64, stratum: &Stratum<'_>) {
        self.units = self.units.saturating_add(exposures);
        for (place, side) in stratum.sides.iter().enumerate() {
            if let Some((with, without)) = self.events.get_mut(if place < self.sides { place } else { 0 }) {
                *with = with.saturating_add(side.conversions);
                *without = without.saturating_add(side.without);
            }
            self.asked += side.sign.abs();
            let (v, of_each) = stratum.variance(side);
            (self.variance, self.spread) = (self.variance + v, self.spread + of_each);
        }
        let (h, scores) = (stratum.h, stratum.scores());
        self.weight += h * stratum.units;
        self.scores += h * scores;
        let [around_0, slope, curve] = &mut self.squares;
        *around_0 += h * h * stratum.squares(0.0);
        *slope += h * h * scores;
        *curve += h * h * stratum.units;
    }

    /// The mean of the scores.
    fn mean(&self, widths: &mut Widths) -> Result<Point, Error> {
        let is_settled = |&(with, without): &(i64, i64)| with.min(without) >= SETTLED;
        if !self.events.iter().take(self.sides).all(is_settled) {
            return Ok([f64::NAN; 3]);
        }
        let value = self.scores / self.weight;
        let [around_0, slope, curve] = self.squares;
        let squares = around_0 - value * (2.0 * slope - value * curve);
        let se = squares.max(0.0).sqrt() / self.weight;
        let freedom = if self.spread > 0.0 { self.variance * (self.variance / self.spread) } else { 1.0 };
        let found = Estimate::of((value, se, freedom), (self.units, 0), widths)?;
        Ok(found.map_or([f64::NAN; 3], |of| [of.value, of.at_any_look.low, of.at_any_look.high]))
    }

    /// The sum of the scores: exactly 0 where they are 0 whatever happens.
    fn sum(&self, widths: &mut Widths) -> Result<Point, Error> {
        if self.asked == 0.0 {
            return Ok([0.0; 3]);
        }
        Ok(self.mean(widths)?.map(|of_one| of_one * self.weight))
    }
}
