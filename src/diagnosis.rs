//! Why the policy does what it does, and whether to believe it: what a person looks at beyond the conclusions.
//!
//! The dashboard asks for the evidence of an experiment, which is what was counted of it, and computes all of this in the
//! browser. Nothing here decides anything, and nothing is concluded that `answer` does not conclude.
//!
//! | file | answers |
//! |---|---|
//! | `read` | the evidence, from the API's JSON |
//! | `series` | how values, shares and gains went from period to period |
//! | `demand` | at which price how many buy |
//! | `belief` | what is believed of each arm, and why it has the share that it has |
//! | `delays` | how long orders take, and what the correction for it does |
//! | `drift` | does an arm's rate move unlike those of the others |
//! | `coverage` | served against planned shares; for how many units another policy could be judged |
//! | `regret` | what learning has cost so far |
//! | `calibration` | beliefs of earlier against what came after |
//! | `next` | the allocation before and after somebody's action |
//!
//! Where items are randomised the exposures are no independent units, and beliefs are about items: what would be
//! nonsense of visits is then `None` or NaN, and `docs/item-units.md` says what to look at instead.
//!
//! Out of scope: fetching, drawing, and numbers that stand in `standing` (`answer`).

mod belief;
pub use belief::{Belief, Densities, Reason, Tomorrow, Why};

mod calibration;
pub use calibration::{Calibration, Prediction};

mod coverage;
pub use coverage::{Coverage, Propensities, Propensity, SAMPLE_MIN};

mod delays;
pub use delays::{Corrected, DelayReport};

mod demand;
pub use demand::{Curve, Demand, PricePoint};

mod drift;
pub use drift::{ArmDrift, Stability};

mod next;
pub use next::{Next, Share};

mod read;

mod regret;
pub use regret::Regret;

mod series;
pub use series::{ArmSeries, Series};

use crate::answer::{self, Counted};
use crate::experiment::Unit;
use crate::lifecycle::State;
use crate::time::HOUR_MS;
use crate::{Delays, Error, Experiment, History, Period, PolicyInput, Prior, Tally, evidence};

/// Standard deviations of a normal law that hold 95 %.
const DEVIATIONS: f64 = 1.959_963_984_540_054;

/// What was counted of one experiment, and where it is in its life.
///
/// ```
/// use haggle::diagnosis::Evidence;
/// let evidence = Evidence::read(include_str!("../tests/golden/evidence.json"))?;
/// let series = evidence.series()?;
/// assert_eq!(series.arms.len(), evidence.experiment.arms.len());
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The experiment as it was changed last.
    pub definition: Experiment,
    /// The experiment as it is published: once an arm is decided, all others are retired.
    pub experiment: Experiment,
    /// Every period, the oldest first.
    pub history: History,
    /// Conversions by their delay.
    pub delays: Delays,
    /// Where it is in its life.
    pub state: State,
    /// The kill switch is on.
    pub is_stopped: bool,
    /// The decided arm.
    pub decided: Option<String>,
    /// When this was true, in milliseconds since 1970-01-01 UTC.
    pub now_ms: u64,
    /// When it was started.
    pub started_at_ms: Option<u64>,
}

impl Evidence {
    /// Whether visitors are randomised, so that exposures are units.
    fn is_of_visitors(&self) -> bool {
        self.experiment.unit == Unit::Visitor
    }

    /// The time in hours since 1970-01-01 UTC.
    fn now_hours(&self) -> f64 {
        self.now_ms as f64 / HOUR_MS as f64
    }

    /// The periods that estimates are made from, as in [`Answer::basis`](crate::answer::Answer).
    fn basis(&self) -> &[Period] {
        let now_hour = (self.now_ms / HOUR_MS) as u32;
        let negative = Tally::default();
        let counted = Counted { history: &self.history, negative, panel: None, groups: None, now_hour };
        answer::basis(&self.experiment, &counted).1
    }

    /// What the policy looks at now; `None` where items are randomised.
    fn input(&self) -> Result<Option<PolicyInput>, Error> {
        self.input_with(None)
    }

    /// The same with another prior.
    fn input_with(&self, prior: Option<Prior>) -> Result<Option<PolicyInput>, Error> {
        if !self.is_of_visitors() {
            return Ok(None);
        }
        let mut experiment = self.experiment.clone();
        experiment.prior = prior.unwrap_or(experiment.prior);
        evidence::policy_input(&experiment, &self.history, &self.delays, self.now_hours()).map(Some)
    }
}

#[cfg(test)]
mod tests;
