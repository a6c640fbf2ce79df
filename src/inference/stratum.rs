//! What one period says in a comparison: sums of scores and of their squares, from the sums of the period alone.
//!
//! The letters are those of Hadad and others (2021), as in `effect`. The estimate of one look ([`effect`](super::effect))
//! and the estimates of all looks in a row (`course`) are made of these strata; so they are the same numbers.
//!
//! Out of scope: which sides are compared, and with which probabilities units were sent to them.

use super::{Estimate, Interval, Question, check_alpha, sequence_width};
use crate::math::normal_quantile;
use crate::{Error, Tally};

/// Widths of intervals in standard errors, each computed once where it is asked for in a row.
pub(super) struct Widths {
    question: Question,
    z: f64,
    last: (i64, f64),
}

impl Widths {
    pub(super) fn new(question: &Question) -> Result<Self, Error> {
        check_alpha(question.alpha)?;
        let z = normal_quantile(1.0 - 0.5 * question.alpha);
        Ok(Self { question: *question, z, last: (0, f64::NAN) })
    }

    /// The sequence's width for a standard deviation of 1, in standard errors of as many observations.
    fn of(&mut self, units: i64) -> Result<f64, Error> {
        if self.last.0 != units {
            let n = units as f64;
            let Question { alpha, narrowest_at, .. } = self.question;
            self.last = (units, sequence_width(n, alpha, narrowest_at)? * n.sqrt());
        }
        Ok(self.last.1)
    }
}

impl Estimate {
    /// The estimate with its intervals; `None` where nothing varies, since the variance is then not known.
    pub(super) fn of(
        (value, se, freedom): (f64, f64, f64),
        (units, left_out): (i64, i64),
        widths: &mut Widths,
    ) -> Result<Option<Self>, Error> {
        if se.is_nan() || se <= 0.0 {
            return Ok(None);
        }
        let t = student(widths.z, freedom);
        let wide = widths.of(units)? * t / widths.z;
        let (at_one_look, at_any_look) =
            (Interval::around(value, t * se), Interval::around(value, wide * se));
        Ok(Some(Self { value, se, at_one_look, at_any_look, units, left_out }))
    }
}

/// What the exposures of a tally, or of several, were worth by the objective.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Worth {
    exposures: i64,
    conversions: i64,
    total: i64,
    squares: i128,
}

impl Question {
    /// What a tally is worth.
    pub(super) fn worth(&self, tally: &Tally) -> Result<Worth, Error> {
        tally.check()?;
        let (total, squares) = tally.reward(self.objective);
        let worth = Worth { exposures: tally.exposures, conversions: tally.conversions, total, squares };
        let (n, sum) = (tally.exposures as f64, total as f64);
        // Cauchy and Schwarz, up to the rounding of integers to doubles.
        if worth.squares() * n < sum * sum * (1.0 - 1e-12) {
            let allowed =
                format!("at least {total}², the square of the sum, over {} exposures", tally.exposures);
            return Err(Error::value("sum of squares of a tally", squares, allowed));
        }
        Ok(worth)
    }
}

impl Worth {
    /// Adds what others were worth.
    pub(super) fn add(&mut self, other: &Self) {
        self.exposures = self.exposures.saturating_add(other.exposures);
        self.conversions = self.conversions.saturating_add(other.conversions);
        self.total = self.total.saturating_add(other.total);
        self.squares = self.squares.saturating_add(other.squares);
    }

    /// The sum of squares, which is never negative. The same double either way, but of 128 bits it is made by a slow routine;
    /// of i64 the compiler sees that it is the same, and takes the slow one for both.
    fn squares(&self) -> f64 {
        u64::try_from(self.squares).map_or_else(|_| self.squares as f64, |squares| squares as f64)
    }

    /// One side in one period; `before` has its exposures and their worth up to there, and goes on to the next.
    pub(super) fn side(&self, sign: f64, e: f64, before: &mut (f64, f64)) -> Side {
        let (n, sum) = (self.exposures as f64, self.total as f64);
        let m = if before.0 > 0.0 { before.1 / before.0 } else { 0.0 };
        *before = (before.0 + n, before.1 + sum);
        let residual_sq = (self.squares() - 2.0 * m * sum + n * m * m).max(0.0);
        let (conversions, without) = (self.conversions, self.exposures - self.conversions);
        Side { sign, e, m, residual: sum - n * m, residual_sq, conversions, without }
    }
}

/// One side of a comparison in one period.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side {
    /// What the side counts for: 1 where it is asked about, -1 where it is what that is compared with.
    pub sign: f64,
    /// Probability of being sent there; 0 where unknown.
    pub e: f64,
    /// Mean before the period; 0 where nothing was seen.
    pub m: f64,
    /// Sum of Y - m over the exposures of the period, and of its square.
    pub residual: f64,
    pub residual_sq: f64,
    pub conversions: i64,
    pub without: i64,
}

/// One period: what the sum of the scores and of their squares around any centre follow from.
pub(super) struct Stratum<'a> {
    pub h: f64,
    pub units: f64,
    pub sides: &'a [Side],
}

impl<'a> Stratum<'a> {
    pub(super) fn new(units: i64, sides: &'a [Side]) -> Self {
        let variance: f64 = sides.iter().map(|side| 1.0 / side.e).sum();
        Self { h: (1.0 / variance).sqrt(), units: units as f64, sides }
    }

    /// The score of a unit that was sent to none of the sides.
    pub(super) fn elsewhere(&self) -> f64 {
        self.sides.iter().map(|side| side.sign * side.m).sum()
    }

    /// Sum of Γ.
    pub(super) fn scores(&self) -> f64 {
        let shown: f64 = self.sides.iter().map(|side| side.sign * side.residual / side.e).sum();
        self.units * self.elsewhere() + shown
    }

    /// What a side contributes to the variance, and the square of that over the events that it is known from.
    pub(super) fn variance(&self, side: &Side) -> (f64, f64) {
        let v = self.h * self.h * side.sign * side.sign * side.residual_sq / (side.e * side.e);
        (v, v * v / side.conversions.min(side.without).max(1) as f64)
    }

    /// Sum of (Γ - centre)². No unit is on both sides.
    pub(super) fn squares(&self, centre: f64) -> f64 {
        let d = self.elsewhere() - centre;
        let shown = |side: &Side| {
            (2.0 * d * side.sign * side.residual + side.sign * side.sign * side.residual_sq / side.e) / side.e
        };
        (self.units * d * d + self.sides.iter().map(shown).sum::<f64>()).max(0.0)
    }
}

/// How many conversions (or, where they are fewer, exposures without) the variance is known from, if all weighed alike.
///
/// (Σ v)² / Σ (v² / s), where a side's s conversions in a period contribute v to the variance: Satterthwaite (1946),
/// doi:10.2307/3002019, with the variance of a count.
pub(super) fn freedom(strata: &[Stratum<'_>]) -> f64 {
    let (mut sum, mut spread) = (0.0, 0.0);
    for stratum in strata {
        for side in stratum.sides {
            let (v, of_each) = stratum.variance(side);
            sum += v;
            spread += of_each;
        }
    }
    if spread > 0.0 { sum * (sum / spread) } else { 1.0 }
}

/// Quantile of Student's t with `freedom` degrees of freedom, from that of the normal law.
///
/// The first terms for many degrees of freedom; at the 20 that are the least here off by less than a thousandth.
/// Source: Abramowitz and Stegun (1964), 26.7.5.
fn student(z: f64, freedom: f64) -> f64 {
    let z_sq = z * z;
    let second = z * (3.0 + z_sq * (16.0 + 5.0 * z_sq)) / (96.0 * freedom * freedom);
    z + z * (1.0 + z_sq) / (4.0 * freedom) + second
}
