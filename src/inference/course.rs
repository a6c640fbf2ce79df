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
use super::stratum::{Stratum, Widths};
use super::{Estimate, Interval, Question, check_holdout, served};
use crate::{Error, Period, TOTAL, Tally};

/// One estimate after every period, in the order of the periods; `None` where too little was known yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Course(pub Vec<Option<Estimate>>);

impl Course {
    /// Value of an exposure of every arm, and of the holdout, after every period: that of [`value`](super::value) for the
    /// periods so far.
    ///
    /// ```
    /// use haggle::inference::{Course, Question, value};
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
    /// let (arms, _) = Course::of_values(history.periods(), &question)?;
    /// let now = value(history.periods(), &question, Choice::Arm(0))?.ok_or("too little is known")?;
    /// let last = arms[0].0[19].ok_or("too little is known")?;
    /// assert!((last.value - now.value).abs() < 1e-12 && (last.se / now.se - 1.0).abs() < 1e-9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`value`](super::value).
    pub fn of_values(periods: &[Period], question: &Question) -> Result<(Vec<Self>, Self), Error> {
        let holdout = check_holdout(question.holdout_share)?;
        let arms = periods.first().map_or(0, |period| period.arms.len());
        let mut widths = Widths::new(question)?;
        let one = || (Vec::with_capacity(periods.len()), (0.0, 0.0), SoFar::new(1));
        let mut all: Vec<_> = (0..=arms).map(|_| one()).collect();
        for period in periods {
            let served = served(period, holdout)?;
            let (shares, q) = served.unwrap_or((&[], 0.0));
            let mut exposures = exposures(period, false);
            let tallies = period.arms.iter().chain([&period.holdout]).enumerate();
            for ((place, tally), (course, before, so_far)) in tallies.zip(&mut all) {
                // The holdout is compared among all units, an arm among those of the arms.
                let e = if place < arms { share(shares, place) } else { q };
                if place == arms {
                    exposures = exposures.saturating_add(tally.exposures);
                }
                let side = [question.side(tally, 1.0, e, before)?];
                if exposures > 0 && e > 0.0 {
                    so_far.add(exposures, &Stratum::new(exposures, &side));
                } else {
                    so_far.leave_out(exposures);
                }
                course.push(so_far.estimate(&mut widths)?);
            }
        }
        let mut courses: Vec<Self> = all.into_iter().map(|(course, ..)| Self(course)).collect();
        let of_holdout = courses.pop().unwrap_or(Self(Vec::new()));
        Ok((courses, of_holdout))
    }

    /// What all units that were sent to arms brought more, in sum, than they would have brought in the holdout.
    ///
    /// In minor units (or conversions), with the letters of `effect`: the sum over the units of
    /// `(1 - q) Γ`, where q is the share of the holdout then and Γ the difference of the unit's two scores, all arms
    /// being one side with probability 1 - q. As q never adapts, its mean is the gain whatever the policy did. Source:
    /// Horvitz and Thompson (1952), doi:10.1080/01621459.1952.10483446, with the control variate of Hadad and others
    /// (2021). Periods without known shares or without holdout add nothing.
    ///
    /// # Errors
    /// As [`value`](super::value).
    pub fn of_gain_to_holdout(periods: &[Period], question: &Question) -> Result<Self, Error> {
        let holdout = check_holdout(question.holdout_share)?;
        let mut widths = Widths::new(question)?;
        let (mut before, mut so_far) = ([(0.0, 0.0); 2], SoFar::new(2));
        let mut course = Vec::with_capacity(periods.len());
        for period in periods {
            let q = served(period, holdout)?.map_or(0.0, |served| served.1);
            let arms = period.arms.iter().try_fold(Tally::default(), |sum, arm| sum.plus(arm))?;
            let [of_arms, of_holdout] = &mut before;
            let sides = [
                question.side(&arms, 1.0, 1.0 - q, of_arms)?,
                question.side(&period.holdout, -1.0, q, of_holdout)?,
            ];
            let exposures = exposures(period, true);
            if exposures > 0 && q > 0.0 {
                so_far.add(exposures, &Stratum { h: 1.0 - q, units: exposures as f64, sides: &sides });
            } else {
                so_far.leave_out(exposures);
            }
            course.push(so_far.sum(&mut widths)?);
        }
        Ok(Self(course))
    }

    /// What the units of all arms brought more, in sum, than under an equal split of the arms that had a share.
    ///
    /// In minor units (or conversions): the sum over the units of `Σ_w (e_w - 1/K) Γ_w`, where e_w are the shares of
    /// the unit's period, K is how many arms had one, and Γ_w is the unit's score for arm w. Its mean is the gain
    /// whatever made the shares of the past: the value of one policy less that of another, stratified by periods, so that a
    /// base rate that drifts for all arms alike drops out. Source: Dudík, Erhan, Langford and Li (2014), *Doubly robust
    /// policy evaluation and optimization*, doi:10.1214/14-STS500, with the scores of Hadad and others (2021). Periods
    /// without known shares add nothing; `None` until 10 conversions are known.
    ///
    /// # Errors
    /// As [`value`](super::value).
    pub fn of_gain_to_equal(periods: &[Period], question: &Question) -> Result<Self, Error> {
        let holdout = check_holdout(question.holdout_share)?;
        let arms = periods.first().map_or(0, |period| period.arms.len());
        let mut widths = Widths::new(question)?;
        let (mut before, mut so_far) = (vec![(0.0, 0.0); arms], SoFar::new(1));
        let mut course = Vec::with_capacity(periods.len());
        for period in periods {
            let shares = served(period, holdout)?.map_or(&[][..], |served| served.0);
            let equal = 1.0 / shares.iter().filter(|&&share| share > 0).count() as f64;
            let mut sides = Vec::with_capacity(arms);
            for ((arm, tally), before) in period.arms.iter().enumerate().zip(&mut before) {
                let e = share(shares, arm);
                let side = question.side(tally, e - equal, e, before)?;
                if e > 0.0 {
                    sides.push(side);
                }
            }
            let exposures = exposures(period, false);
            if exposures > 0 && !sides.is_empty() {
                so_far.add(exposures, &Stratum { h: 1.0, units: exposures as f64, sides: &sides });
            } else {
                so_far.leave_out(exposures);
            }
            course.push(so_far.sum(&mut widths)?);
        }
        Ok(Self(course))
    }
}

fn share(shares: &[u32], arm: usize) -> f64 {
    f64::from(shares.get(arm).copied().unwrap_or(0)) / f64::from(TOTAL)
}

/// Exposures of all arms, and of the holdout where it is asked about.
fn exposures(period: &Period, with_holdout: bool) -> i64 {
    let counted = period.arms.iter().chain(with_holdout.then_some(&period.holdout));
    counted.map(|tally| tally.exposures).fold(0, i64::saturating_add)
}

/// Sums over the strata so far.
struct SoFar {
    /// Sides that each must have events enough; further sides count for the first.
    sides: usize,
    events: [(i64, i64); 2],
    units: i64,
    left_out: i64,
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
            left_out: 0,
            weight: 0.0,
            scores: 0.0,
            squares: [0.0; 3],
            asked: 0.0,
            variance: 0.0,
            spread: 0.0,
        }
    }

    fn leave_out(&mut self, exposures: i64) {
        self.left_out = self.left_out.saturating_add(exposures);
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
    fn estimate(&self, widths: &mut Widths) -> Result<Option<Estimate>, Error> {
        let is_settled = |&(with, without): &(i64, i64)| with.min(without) >= SETTLED;
        if !self.events.iter().take(self.sides).all(is_settled) {
            return Ok(None);
        }
        let value = self.scores / self.weight;
        let [around_0, slope, curve] = self.squares;
        let squares = around_0 - value * (2.0 * slope - value * curve);
        let se = squares.max(0.0).sqrt() / self.weight;
        let freedom = if self.spread > 0.0 { self.variance * (self.variance / self.spread) } else { 1.0 };
        Estimate::of((value, se, freedom), (self.units, self.left_out), widths)
    }

    /// The sum of the scores: exactly 0 where they are 0 whatever happens.
    fn sum(&self, widths: &mut Widths) -> Result<Option<Estimate>, Error> {
        if self.units > 0 && self.asked == 0.0 {
            let zero = Interval { low: 0.0, high: 0.0 };
            let (units, left_out) = (self.units, self.left_out);
            return Ok(Some(Estimate {
                value: 0.0,
                se: 0.0,
                at_one_look: zero,
                at_any_look: zero,
                units,
                left_out,
            }));
        }
        let times = |interval: Interval| interval.times(self.weight);
        Ok(self.estimate(widths)?.map(|mean| Estimate {
            value: mean.value * self.weight,
            se: mean.se * self.weight,
            at_one_look: times(mean.at_one_look),
            at_any_look: times(mean.at_any_look),
            ..mean
        }))
    }
}
