//! `GET /haggle/v1/experiments/NAME/report`: the final answer, so far or for good.

use haggle::answer::{Answer, Counted, Record};
use haggle::cluster::{self, Panel, Total};
use haggle::experiment::{Goods, Unit};
use haggle::lifecycle::State;
use haggle::time::HOUR_MS;
use haggle::{Experiment, Groups, History, Objective, PolicyInput, Tally, evidence, mac};
use worker::{Env, Response};

use crate::central::audit::Record as Done;
use crate::central::{self, answer, experiments};
use crate::clock;
use crate::http::{Fault, json_text};
use crate::publisher::items;

/// The report as an answer.
pub async fn report(env: &Env, name: &str) -> Result<Response, Fault> {
    Ok(json_text(report_json(env, name).await?, 200)?)
}

/// The final answer to an experiment as it stands now; of one that is archived, as it was then.
///
/// # Errors
/// There is no such experiment, it was not started, or the central store does not answer.
pub async fn report_json(env: &Env, name: &str) -> Result<String, Fault> {
    let now_ms = clock::now_ms();
    let record = record_of(env, name, now_ms).await?;
    if record.report_json.is_empty() { written(env, &record, now_ms).await } else { Ok(record.report_json) }
}

/// The final answer as it is kept: of an experiment that is archived by what is `done` to it now.
///
/// # Errors
/// As [`report_json`].
pub async fn final_json(env: &Env, name: &str, done: &Done) -> Result<String, Fault> {
    let mut record = record_of(env, name, done.at_ms).await?;
    record.state = State::Archived.name().into();
    record.is_stopped = false;
    record.archived_at_ms = done.at_ms;
    let list = record.interventions_json.trim_end_matches(']');
    let comma = if list == "[" { "" } else { "," };
    let quoted = |text: &str| serde_json::to_string(text).map_err(worker::Error::from);
    let (who, action, reason) = (quoted(&done.who)?, quoted(&done.action)?, quoted(&done.reason)?);
    let (at_ms, before, after) = (done.at_ms, &done.before, &done.after);
    record.interventions_json = format!(
        r#"{list}{comma}{{"at_ms":{at_ms},"who":{who},"action":{action},"reason":{reason},"before":{before},"after":{after}}}]"#
    );
    written(env, &record, done.at_ms).await
}

async fn record_of(env: &Env, name: &str, now_ms: u64) -> Result<answer::Record, Fault> {
    let record = answer::record(env, name, now_ms).await?;
    record.ok_or_else(|| experiments::unknown(name))
}

/// The answer from what is counted now.
async fn written(env: &Env, record: &answer::Record, now_ms: u64) -> Result<String, Fault> {
    if record.started_at_ms == 0 {
        return Err(Fault::Conflict("the experiment was not started; there is nothing to report".into()));
    }
    let experiment = Experiment::from_json(&record.definition_json)?;
    let original = Experiment::from_json(&record.original_json)?;
    let name = experiment.name.as_str();
    let groups = match experiment.goods {
        Goods::Item(_) => Groups::default(),
        Goods::Scope(_) => central::groups::read(env, name).await?,
    };
    let seen = Seen::of(env, &experiment, &groups, record.started_at_ms, now_ms).await?;
    let counted = Counted {
        history: &seen.history,
        negative: seen.negative,
        panel: seen.panel.as_ref(),
        groups: seen.totals.as_ref().map(|[positive, negative]| [positive.as_slice(), negative.as_slice()]),
        now_hour: (now_ms / HOUR_MS) as u32,
    };
    let found = Answer::new(&experiment, &counted, &seen.input)?;
    let groups_json = groups_json(&experiment, &groups, record.started_at_ms);
    let ledger = serde_json::to_string(&central::ledger_health(env).await?).map_err(worker::Error::from)?;
    let some = |at_ms: u64| (at_ms > 0).then_some(at_ms);
    Ok(found.to_json(
        &experiment,
        &Record {
            original: &original,
            original_json: &record.original_json,
            definition_json: &record.definition_json,
            state: &record.state,
            is_stopped: record.is_stopped,
            now_ms,
            started_at_ms: record.started_at_ms,
            decided_at_ms: some(record.decided_at_ms),
            archived_at_ms: some(record.archived_at_ms),
            version: record.version,
            decision_json: Some(record.decision_json.as_str()).filter(|json| !json.is_empty()),
            groups_json: groups_json.as_deref(),
            interventions_json: &record.interventions_json,
            allocations_json: &record.allocations_json,
            mismatches_json: &record.mismatches_json,
            ledger_json: &ledger,
        },
    ))
}

/// Sizes of the groups, and the digest of the file of groups as it is served now.
fn groups_json(experiment: &Experiment, groups: &Groups, started_at_ms: u64) -> Option<String> {
    let Goods::Scope(scope) = &experiment.goods else { return None };
    let (positive, all, strata) = (groups.positive().count(), groups.members().len(), scope.strata);
    let sha256 = mac::sha256(&groups.to_tsv(experiment.currency, started_at_ms, experiment.end_ms));
    let negative = all - positive;
    Some(format!(r#"{{"positive":{positive},"negative":{negative},"strata":{strata},"sha256":"{sha256}"}}"#))
}

/// What the central store has counted, by whatever is randomised.
struct Seen {
    history: History,
    negative: Tally,
    input: PolicyInput,
    panel: Option<Panel>,
    totals: Option<[Vec<Total>; 2]>,
}

impl Seen {
    async fn of(
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
            return Ok(Self {
                history,
                negative: Tally::default(),
                input,
                panel: Some(panel),
                totals: Some(totals),
            });
        }
        let (history, negative) = answer::counted(env, experiment, now_hour as u32).await?;
        let (recent, delays) = central::history(env, experiment, now_hour as u32).await?;
        let input = evidence::policy_input(experiment, &recent, &delays, now_ms as f64 / HOUR_MS as f64)?;
        let totals = match experiment.goods {
            Goods::Item(_) => None,
            Goods::Scope(_) => Some(totals(env, experiment, groups, started_at_ms, now_ms).await?),
        };
        Ok(Self { history, negative, input, panel: None, totals })
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
        of_item.map_or(0, |(_, pieces, revenue_minor, cost_minor)| match experiment.objective {
            Objective::Conversion => *pieces,
            Objective::Revenue => *revenue_minor,
            Objective::Profit => revenue_minor - cost_minor,
        })
    };
    Ok(cluster::totals(groups, hours, &value_minor))
}
