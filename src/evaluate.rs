//! What a policy would have earned, from the log of another one: off-policy evaluation.
//!
//! A log of decisions with their propensities answers "what if another policy had decided?" without showing anybody
//! another price: each decision counts by how much more, or less, often the other policy would have made it.
//!
//! In scope: logs line by line ([`Log`]), what a target policy would have shared out ([`Target`]), and the estimates
//! of its value with their errors ([`evaluate()`]); and [`Tallies`], from which an analyst allocates and compares
//! without an experiment file. Out of scope: opening files (`haggle evaluate`), and policies whose
//! state the log of another policy does not have (a stock that they would have sold down themselves): simulate those.
//!
//! ```
//! use haggle::evaluate::{Log, Options, Target, evaluate};
//! let mut log = Log::default();
//! for n in 0..400 {
//!     let (arm, sold) = if n % 2 == 0 { ("list", n % 5 == 0) } else { ("low", n % 3 == 0) };
//!     let line = format!(r#"{{"arm":"{arm}","propensity":32768,"conversion":{}}}"#, u8::from(sold));
//!     log.read_haggle(n + 1, &line)?;
//! }
//! let found = evaluate(&log, &Target::Arm("low".into()), &Options::default())?;
//! assert!(found.refusals.is_empty());
//! assert!((found.estimate("snips").ok_or("none")?.value - 1.0 / 3.0).abs() < 0.01);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod estimate;
mod log;
mod read;
mod sketch;
#[cfg_attr(test, allow(clippy::string_slice))]
mod tallies;
mod target;

pub use estimate::Estimate;
pub use log::{Decided, Log, LoggedArm, Unit};
pub use read::Format;
pub use sketch::{Offer, Sketch};
pub use tallies::Tallies;
pub use target::Target;

pub use crate::diagnosis::SAMPLE_MIN;

use crate::Error;
use crate::error::decimal;
use estimate::Weighted;
use serde::Serialize;

/// How far the mean weight may be from 1 whatever its standard error: propensities may be rounded.
const WEIGHT_TOLERANCE: f64 = 1e-3;

/// How to evaluate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Weights above this count as this in the clipped estimate. Range: 1 to 1 000 000.
    pub clip: f64,
    /// Parts of the log for the doubly robust estimate: a row's model never saw the row's own part. Range: 2 to 20.
    pub folds: u32,
    /// Rows between two allocations of a policy that learns. Range: 1 to 1 000 000 000.
    pub batch: usize,
    /// Number of rows at which the confidence sequence is narrowest; choose it before looking. Range: 1 to 1e12.
    pub planned_rows: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { clip: 10.0, folds: 5, batch: 1000, planned_rows: 10_000.0 }
    }
}

impl Options {
    fn check(&self) -> Result<(), Error> {
        let within = |what: &str, given: f64, least: f64, most: f64| {
            let allowed = || format!("a number from {} to {}", decimal(least), decimal(most));
            if (least..=most).contains(&given) {
                Ok(())
            } else {
                Err(Error::value(what, decimal(given), allowed()))
            }
        };
        within("clip", self.clip, 1.0, 1e6)?;
        within("folds", self.folds.into(), 2.0, 20.0)?;
        within("batch", self.batch as f64, 1.0, 1e9)?;
        within("planned rows", self.planned_rows, 1.0, 1e12)
    }
}

/// What the log says about the target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Decisions that were used.
    pub rows: usize,
    /// Rows without a propensity, of the holdout, or marked not to be learned from.
    pub skipped: usize,
    /// Effective sample size, (Σw)² / Σw²: so many rows of the target's own would say as much.
    ///
    /// Source: Kong (1992), Univ. of Chicago Technical Report 348. Range: 0 to the number of rows.
    pub effective_sample_size: f64,
    /// Mean of the weights; 1 in expectation where the propensities are true and the log tried all that the target
    /// would.
    pub mean_weight: f64,
    /// Its standard error.
    pub mean_weight_se: f64,
    /// What the logged decisions earned.
    pub logged: Estimate,
    /// The target's value by each method, none for what cannot be said. Names: `ips`, `snips`, `clipped_ips`, `dm`, `dr`.
    pub estimates: Vec<Estimate>,
    /// Mean share that the target gives each arm, in the order of the log's arms; empty for the logged policy itself.
    pub shares: Vec<f64>,
    /// Why the estimates should not be believed; empty where they may be.
    pub refusals: Vec<String>,
}

impl Evaluation {
    /// The estimate with this name.
    pub fn estimate(&self, name: &str) -> Option<&Estimate> {
        self.estimates.iter().find(|estimate| estimate.name == name)
    }
}

/// Estimates the value of `target`: what an exposure would have earned under it, in the log's unit.
///
/// With weight `w = π(a) / p` of a row (the target's share of the row's arm over the row's propensity), reward `r`,
/// and `q̂(a)` an arm's mean reward:
///
/// | name | estimate | honest where |
/// |---|---|---|
/// | `ips` | mean of `w r` | propensities are true: no bias, wide |
/// | `snips` | `Σ w r / Σ w` | the same, narrower; bias of order 1/n |
/// | `clipped_ips` | mean of `min(w, M) r` | a few huge weights rule; biased towards 0 |
/// | `dm` | mean of `Σ_a π(a) q̂(a)` | an arm's rate does not move with time |
/// | `dr` | mean of `Σ_a π(a) q̂(a) + w (r - q̂)` | propensities or rates are right; the one to read first |
///
/// `q̂` of `dr` comes from the other folds of the log, where a row's fold is a hash of its number. Each estimate has
/// its standard error, the normal interval for a single look, and an asymptotic confidence sequence that holds
/// at every look.
///
/// Sources: Horvitz and Thompson (1952), doi:10.1080/01621459.1952.10483446; Swaminathan and Joachims (2015),
/// *The self-normalized estimator*, NIPS 28; Ionides (2008), doi:10.1198/106186008X320456 (clipping); Dudík,
/// Erhan, Langford and Li (2014), doi:10.1214/14-STS500 (doubly robust); Chernozhukov et al. (2018),
/// doi:10.1111/ectj.12097 (folds).
///
/// # Errors
/// Options out of range, a log of fewer than 2 decisions, and a target that the log's arms cannot have. Where there
/// are estimates but they should not be believed, [`Evaluation::refusals`] says why.
pub fn evaluate(log: &Log, target: &Target, options: &Options) -> Result<Evaluation, Error> {
    options.check()?;
    if log.rows().len() < 2 {
        return Err(Error::value("number of decisions with a propensity", log.rows().len(), "at least 2"));
    }
    let shares = target.shares(log, options.batch)?;
    let weighted = Weighted::new(log, &shares, options)?;
    let (mean_weight, mean_weight_se) = weighted.mean_weight();
    let mut found = Evaluation {
        rows: log.rows().len(),
        skipped: log.skipped(),
        effective_sample_size: weighted.effective_sample_size(),
        mean_weight,
        mean_weight_se,
        logged: weighted.logged(),
        estimates: weighted.estimates(),
        shares: weighted.mean_shares(),
        refusals: Vec::new(),
    };
    found.refusals = refusals(&found, log);
    Ok(found)
}

fn refusals(found: &Evaluation, log: &Log) -> Vec<String> {
    let mut refusals = Vec::new();
    if found.effective_sample_size < SAMPLE_MIN {
        refusals.push(format!(
            "effective sample size is {:.1} of {} rows; it must be at least {SAMPLE_MIN}",
            found.effective_sample_size, found.rows
        ));
    }
    let allowed = (3.0 * found.mean_weight_se).max(WEIGHT_TOLERANCE);
    if (found.mean_weight - 1.0).abs() > allowed {
        refusals.push(format!(
            "mean weight is {:.4}; it must be within {allowed:.4} of 1: the propensities are not those of the log, \
             or the target plays what the log hardly tried",
            found.mean_weight
        ));
    }
    let tried = log.exposures();
    for ((arm, share), tried) in log.arms().iter().zip(&found.shares).zip(tried) {
        if *share > 0.0 && tried == 0 {
            let percent = share * 100.0;
            refusals.push(format!(
                "arm {} has {percent:.1} % of the target and no row in the log; it must have been tried",
                arm.name
            ));
        }
    }
    refusals
}

#[cfg(test)]
#[allow(clippy::string_slice)]
mod tests;
