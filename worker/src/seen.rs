//! What the central store has counted of an experiment, by whatever is randomised: one way to gather it for the report,
//! the evidence and the standing.
//!
//! The report is made from every epoch; evidence and standing from what the policy looks at, where epochs older than three
//! days are summed in blocks of six hours, so that they stay quick however long an experiment runs. Sums are the same;
//! estimates may differ in their last digits, as fewer strata are compared. Out of scope: what follows from it (`answer`
//! of the core).

use haggle::answer::{Answer, Counted};
use haggle::cluster::{self, Panel, Total};
use haggle::experiment::{Goods, Unit};
use haggle::time::HOUR_MS;
use haggle::{Delays, Error, Experiment, Groups, History, PolicyInput, Tally, evidence};
use worker::Env;

use crate::central::{self, Compact, answer};
use crate::http::Fault;
use crate::publisher::items;

/// What was counted of an experiment up to a moment.
pub struct Seen {
    /// The periods.
    pub history: History,
    /// Conversions by their delay; nothing where items are randomised.
    pub delays: Delays,
    negative: Tally,
    input: PolicyInput,
    panel: Option<Panel>,
    totals: Option<[Vec<Total>; 2]>,
    now_ms: u64,
}

impl Seen {
    /// Every epoch for itself, as the report needs it.
    ///
    /// # Errors
    /// The central store does not answer, or sums are beyond the exact range.
    pub async fn whole(
        env: &Env,
        experiment: &Experiment,
        groups: &Groups,
        started_at_ms: u64,
        now_ms: u64,
    ) -> Result<Self, Fault> {
        let mut seen = Self::compact(env, experiment, groups, started_at_ms, now_ms).await?;
        if experiment.unit == Unit::Visitor {
            let now_hour = (now_ms / HOUR_MS) as u32;
            (seen.history, seen.negative) = answer::counted(env, experiment, now_hour).await?;
        }
        Ok(seen)
    }

    /// As the policy looks at it. Where items are randomised that is every epoch, too: they are few.
    ///
    /// # Errors
    /// As [`Seen::whole`].
    pub async fn compact(
        env: &Env,
        experiment: &Experiment,
        groups: &Groups,
        started_at_ms: u64,
        now_ms: u64,
    ) -> Result<Self, Fault> {
        let now_hour = now_ms / HOUR_MS;
        if experiment.unit != Unit::Visitor {
            let history = items::history(env, experiment, now_hour).await?;
            let input = items::input(experiment, &history)?;
            let panel = items::observations(env, experiment, groups, started_at_ms, now_ms).await?;
            let totals = items::group_totals(env, experiment, groups, started_at_ms, now_ms).await?;
            let (delays, negative) = (Delays::default(), Tally::default());
            let (panel, totals) = (Some(panel), Some(totals));
            return Ok(Self { history, delays, negative, input, panel, totals, now_ms });
        }
        let Compact { history, delays, negative } =
            central::history(env, experiment, now_hour as u32).await?;
        let input = evidence::policy_input(experiment, &history, &delays, now_ms as f64 / HOUR_MS as f64)?;
        let totals = match experiment.goods {
            Goods::Item(_) => None,
            Goods::Scope(_) => Some(totals(env, experiment, groups, started_at_ms, now_ms).await?),
        };
        Ok(Self { history, delays, negative, input, panel: None, totals, now_ms })
    }

    /// What follows from it.
    ///
    /// # Errors
    /// Sums beyond the exact range, and an experiment none of whose arms is live.
    pub fn answer(&self, experiment: &Experiment) -> Result<Answer, Error> {
        let totals = self.totals.as_ref();
        let counted = Counted {
            history: &self.history,
            negative: self.negative,
            panel: self.panel.as_ref(),
            groups: totals.map(|[positive, negative]| [positive.as_slice(), negative.as_slice()]),
            now_hour: (self.now_ms / HOUR_MS) as u32,
        };
        Answer::new(experiment, &counted, &self.input)
    }
}

/// The groups of an experiment; none where it prices one item.
///
/// # Errors
/// The central store does not answer.
pub async fn groups(env: &Env, experiment: &Experiment) -> Result<Groups, Fault> {
    match experiment.goods {
        Goods::Item(_) => Ok(Groups::default()),
        Goods::Scope(_) => central::groups::read(env, &experiment.name).await,
    }
}

/// What each item of the positive and of the negative group brought since the start, where visitors are randomised.
async fn totals(
    env: &Env,
    experiment: &Experiment,
    groups: &Groups,
    started_at_ms: u64,
    now_ms: u64,
) -> Result<[Vec<Total>; 2], Fault> {
    let sold = answer::of_items(env, &experiment.name).await?;
    let hours = now_ms.saturating_sub(started_at_ms) as f64 / HOUR_MS as f64;
    let value_minor = |sku: &str| {
        let of_item =
            sold.binary_search_by(|item| item.0.as_str().cmp(sku)).ok().and_then(|place| sold.get(place));
        of_item.map_or(0, |&(_, pieces, revenue_minor, cost_minor)| {
            // Of an item it is known how many pieces were sold, not in how many orders.
            let sold = Tally { conversions: pieces, revenue_minor, cost_minor, ..Tally::default() };
            sold.reward(experiment.objective).0
        })
    };
    Ok(cluster::totals(groups, hours, &value_minor))
}
