//! Inference where items are randomised: what an arm earns more than another one, with items (or families) as the
//! clusters and never their visits.
//!
//! Everybody who looks at an item in a period sees the same price, so a thousand visits of one item are one draw of an
//! arm, not a thousand. What varies by chance is which items were on which arm; items differ by far more than visits
//! do, and an item's bad week spoils all of its visits together. An interval made of visits is therefore several times
//! too narrow (`tests/calibration_switchback.rs` measures it), and here the variance is that *between* clusters.
//!
//! | file | answers |
//! |---|---|
//! | `panel` | what was seen: epochs with their shares, and what each cluster brought in each |
//! | `baseline` | what was to be expected of a cluster, from what was known before |
//! | `difference` | what is an arm worth more than another one, under an allocation that adapts |
//! | `group` | what is an item of the positive group worth more than one of the negative group |
//! | `draw` | which arm a unit is on in which period |
//! | `quiet` | in which hours nobody saw its prices |
//!
//! # What the interval is, and what it is not
//!
//! The estimate holds under any allocation that is made of what was before ([`Panel::difference`]). The interval
//! `at_one_look` is for one look that was planned beforehand; `at_any_look` holds at all looks together, as a central
//! limit theorem does: not before some dozens of clusters. Neither knows of *carry-over* from one period into the next
//! (a shopper who saw the low price waits for it): that is what the washout is for, and whatever lasts longer than it
//! stays in the estimate. Nor of substitution between items: where a shopper buys the cheaper of two neighbours
//! instead, make them a family. Sources: Bojinov, Simchi-Levi and Zhao (2023), *Design and analysis of switchback
//! experiments*, doi:10.1287/mnsc.2022.4583; Cameron and Miller (2015), *A practitioner's guide to cluster-robust
//! inference*, doi:10.3368/jhr.50.2.317.
//!
//! Out of scope: what the policy believes (`posterior`, of the same sums) and experiments on visitors (`inference`).

mod baseline;

mod difference;

mod draw;
pub use draw::{assign, known_until, period_at, period_seed, unit_of};

mod group;
pub use group::{Total, between_groups, totals};

mod panel;
pub use panel::{ArmMean, Epoch, Observation, Panel};

mod quiet;
pub use quiet::{Switch, heard, quiet_hours};

use crate::inference::{Interval, sequence_width};
use crate::math::{beta_cdf, beta_quantile, normal_quantile};
use crate::{Error, error::decimal};

/// Fewest clusters on each side of a comparison: below, the variance between them is not known at all.
pub const CLUSTERS_LEAST: usize = 5;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    /// How often an interval may be wrong. Range: 1e-12 to 0.5; 0.05 for 95 %.
    pub alpha: f64,
    /// Hours that a value is told for: an item's 24 for its day, or the length of a period. More than 0.
    pub per_hours: f64,
    /// Observations (clusters times epochs) after which the any-look interval is narrowest; fixed before looking. More
    /// than 0.
    pub narrowest_at: f64,
}

impl Question {
    /// 95 % intervals of values for so many hours, the any-look ones narrowest at a thousand observations.
    pub fn per(hours: f64) -> Self {
        Self { alpha: 0.05, per_hours: hours, narrowest_at: 1_000.0 }
    }
}

/// A difference with its intervals, in minor units per cluster and [`Question::per_hours`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error, from the variance between clusters.
    pub se: f64,
    /// Degrees of freedom that the standard error is known with. 1 or more.
    pub freedom: f64,
    /// Holds with probability 1 - α at one look that was planned beforehand.
    pub at_one_look: Interval,
    /// Holds with probability 1 - α at all looks together.
    pub at_any_look: Interval,
    /// Clusters of both sides.
    pub clusters: usize,
    /// Observations that were used.
    pub observations: usize,
    /// Observations that could not be used, as one side had no share in their epoch.
    pub left_out: usize,
}

impl Estimate {
    /// Belief that the difference is above 0, were nothing known of it before. Range: `[0, 1]`.
    ///
    /// That of Student's t around the estimate.
    pub fn above_zero(&self) -> f64 {
        let t = self.value / self.se;
        let tail = 0.5 * beta_cdf(self.freedom / (self.freedom + t * t), 0.5 * self.freedom, 0.5);
        if t > 0.0 { 1.0 - tail } else { tail }
    }

    /// The estimate with these degrees of freedom; none where nothing varies, since the variance is then not known.
    fn new(
        value: f64,
        se: f64,
        freedom: f64,
        seen: Seen,
        question: &Question,
    ) -> Result<Option<Self>, Error> {
        let is_known = value.is_finite() && se.is_finite() && se > 0.0;
        if !is_known {
            return Ok(None);
        }
        let n = seen.observations as f64;
        let t = student_quantile(question.alpha, freedom);
        // The sequence's width for a standard deviation of 1, in standard errors of as many observations; wider by as
        // much as few clusters make the other interval wider.
        let narrow = normal_quantile(1.0 - 0.5 * question.alpha);
        let wide = sequence_width(n, question.alpha, question.narrowest_at)? * n.sqrt() * t / narrow;
        Ok(Some(Self {
            value,
            se,
            freedom,
            at_one_look: Interval::around(value, t * se),
            at_any_look: Interval::around(value, wide * se),
            clusters: seen.clusters,
            observations: seen.observations,
            left_out: seen.left_out,
        }))
    }
}

/// How much an estimate was made of.
#[derive(Debug, Clone, Copy)]
struct Seen {
    clusters: usize,
    observations: usize,
    left_out: usize,
}

/// What Student's t with `freedom` degrees of freedom exceeds in size with probability `alpha`.
///
/// t² / (t² + ν) is Beta(½, ν / 2). Source: Abramowitz and Stegun (1964), 26.7.
fn student_quantile(alpha: f64, freedom: f64) -> f64 {
    let rest = beta_quantile(alpha, 0.5 * freedom, 0.5);
    (freedom * (1.0 - rest) / rest).sqrt()
}

/// Degrees of freedom of the sum of squares of clusters' residuals: 2 over the squared coefficient of variation of that
/// sum, as Satterthwaite has it, with its variance from the residuals themselves.
///
/// With `n` residuals of kurtosis κ that is `2 n / (κ - 1)`, at most n - 1: a few clusters that outweigh all others
/// count as few clusters. Sources: Satterthwaite (1946), doi:10.2307/3002019; Carter, Schnepel and Steigerwald (2017),
/// *Asymptotic behavior of a t-test robust to cluster heterogeneity*, doi:10.1162/REST_a_00639.
fn freedom(residuals: &[f64]) -> f64 {
    let n = residuals.len() as f64;
    let (squares, fourths) = residuals.iter().fold((0.0, 0.0), |(squares, fourths), u| {
        let square = u * u;
        (squares + square, fourths + square * square)
    });
    let kurtosis = n * fourths / (squares * squares);
    let most = (n - 1.0).max(1.0);
    if kurtosis > 1.0 { (2.0 * n / (kurtosis - 1.0)).clamp(1.0, most) } else { most }
}

/// Refuses what is no question.
fn check(question: &Question) -> Result<(), Error> {
    let above_zero = |what: &str, given: f64| {
        let fault = || Error::value(what, decimal(given), "a finite number above 0");
        if given > 0.0 && given.is_finite() { Ok(()) } else { Err(fault()) }
    };
    above_zero("hours of a value", question.per_hours)?;
    above_zero("number of observations to be narrowest at", question.narrowest_at)?;
    crate::inference::check_alpha(question.alpha)
}

#[cfg(test)]
mod tests;
