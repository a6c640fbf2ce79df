//! The allocation before and after somebody's action, before it is done.

use super::Evidence;
use crate::experiment::{Arm, ArmPrice, ArmState};
use crate::json::{self, Json};
use crate::lifecycle::{self, Action, Order, State};
use crate::{Error, Experiment, History, Period, TOTAL, Tally, evidence};

/// One arm of an allocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// Name of the arm.
    pub name: String,
    /// Its price, the mean over the items where there are many.
    pub price_minor: i64,
    /// Whether units are sent to it.
    pub state: ArmState,
    /// Its share of the units that are not in the holdout, of 1; 0 for all while nothing new is decided. NaN where it
    /// cannot be told.
    pub share: f64,
}

/// What an action would change.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// Why it cannot be done, in the words of the API; `None` where it can.
    pub refusal: Option<String>,
    /// The allocation that would be published now without it.
    pub before: Vec<Share>,
    /// The one after it; the same where it cannot be done.
    pub after: Vec<Share>,
    /// Units of a day at the rate of the last 24 hours, the holdout included.
    pub units_per_day: f64,
}

impl Evidence {
    /// What an action of the API would change, from the same evidence: both allocations are the policy's answers to what
    /// is known now, so that they differ by the action alone.
    ///
    /// `body` is that of the API; `by` and `reason` may be left out. While nothing new is decided (a draft, a pause, a
    /// stop) all shares are 0. Where items are randomised, what the policy looks at are sums over items, which are no part
    /// of the evidence: shares are then NaN.
    ///
    /// # Errors
    /// Counts that no exposures can have. An action that is not allowed is no error but a refusal.
    pub fn next(&self, action: &str, body: &str) -> Result<Next, Error> {
        let before =
            self.allocation(&self.definition, self.state, self.is_stopped, self.decided.as_deref())?;
        let units_per_day = self.per_day().iter().sum();
        let (refusal, after) = match self.changed(action, body) {
            Ok((definition, state, is_stopped, decided)) => {
                (None, self.allocation(&definition, state, is_stopped, decided.as_deref())?)
            }
            Err(error) => (Some(error.to_string()), before.clone()),
        };
        Ok(Next { refusal, before, after, units_per_day })
    }

    /// The experiment after an action, its state, whether it is stopped, and what is decided.
    fn changed(&self, action: &str, body: &str) -> Result<(Experiment, State, bool, Option<String>), Error> {
        let order = Order::read(action, &signed(body)?, self.definition.currency)?;
        let state = self.state.after(&order.action)?;
        let definition = order.action.apply(&self.definition, self.now_ms)?;
        let is_stopped = match order.action {
            Action::Stop => true,
            Action::Resume | Action::Start { .. } | Action::Archive => false,
            _ => self.is_stopped,
        };
        let decided = match order.action {
            Action::Decide { arm } => Some(arm),
            _ => self.decided.clone(),
        };
        Ok((definition, state, is_stopped, decided))
    }

    fn allocation(
        &self,
        definition: &Experiment,
        state: State,
        is_stopped: bool,
        decided: Option<&str>,
    ) -> Result<Vec<Share>, Error> {
        let experiment = priced(lifecycle::published(definition, decided));
        let is_deciding = matches!(state, State::Running | State::Decided) && !is_stopped;
        let count = experiment.arms.len();
        let part = |&share: &u32| f64::from(share) / f64::from(TOTAL);
        let shares = if is_deciding && !self.is_of_visitors() {
            vec![f64::NAN; count]
        } else if is_deciding {
            let history = widened(&self.history, count)?;
            let input = evidence::policy_input(&experiment, &history, &self.delays, self.now_hours())?;
            experiment.policy.name.allocate(&input).shares().iter().map(part).collect()
        } else {
            vec![0.0; count]
        };
        let share = |(arm, share): (&Arm, f64)| Share {
            name: arm.name.clone(),
            price_minor: arm.price_minor,
            state: arm.state,
            share,
        };
        Ok(experiment.arms.iter().zip(shares).map(share).collect())
    }
}

/// The body with a reason, where it has none yet.
fn signed(body: &str) -> Result<String, Error> {
    let body = if body.trim().is_empty() { "{}" } else { body };
    let mut json = json::parse(body).map_err(|why| Error::syntax("an action in JSON", why))?;
    if let Json::Object(fields) = &mut json {
        fields.retain(|(name, value)| {
            let is_empty = matches!(value, Json::Text(text) if text.trim().is_empty());
            !(is_empty && (name == "by" || name == "reason"))
        });
        if !fields.iter().any(|(name, _)| name == "reason") {
            fields.push(("reason".into(), Json::text("a preview")));
        }
    }
    Ok(json.write())
}

/// The experiment with a mean price for each arm, which of many items only who knows them can tell: that of the
/// control, times the arm's factor.
pub(super) fn priced(mut experiment: Experiment) -> Experiment {
    let control = experiment.arms.get(experiment.control_index()).map_or(0, |arm| arm.price_minor);
    for arm in experiment.arms.iter_mut().filter(|arm| arm.price_minor == 0) {
        let factor = if let ArmPrice::Times(factor) = arm.price { factor } else { 1.0 };
        arm.price_minor = ((control as f64 * factor).round() as i64).max(1);
    }
    experiment
}

/// The history with nothing counted of the arms that were added.
fn widened(history: &History, arms: usize) -> Result<History, Error> {
    let widen = |period: &Period| {
        let mut period = period.clone();
        let more = arms.saturating_sub(period.arms.len());
        if !period.shares.is_empty() {
            let end = period.arms.len();
            period.shares.splice(end..end, std::iter::repeat_n(0, more));
        }
        period.arms.resize(arms, Tally::default());
        period
    };
    History::new(history.periods().iter().map(widen).collect())
}
