//! `GET /haggle/v1/experiments/NAME/report`: the final answer, so far or for good.

use haggle::answer::Record;
use haggle::experiment::Goods;
use haggle::lifecycle::State;
use haggle::{Experiment, Groups, mac};
use worker::{Env, Response};

use crate::central::audit::Record as Done;
use crate::central::{self, answer, experiments};
use crate::clock;
use crate::http::{Fault, json_text};
use crate::seen::{self, Seen};

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
    if !record.report_json.is_empty() {
        return Ok(record.report_json);
    }
    Ok(written(env, &record, now_ms).await?.0)
}

/// The final answer as it is kept, and where the experiment stood then: of one that is archived by what is `done` to it now.
///
/// # Errors
/// As [`report_json`].
pub async fn final_json(env: &Env, name: &str, done: &Done) -> Result<(String, String), Fault> {
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

/// The answer from what is counted now, in full and in short.
async fn written(env: &Env, record: &answer::Record, now_ms: u64) -> Result<(String, String), Fault> {
    if record.started_at_ms == 0 {
        return Err(Fault::Conflict("the experiment was not started; there is nothing to report".into()));
    }
    let experiment = Experiment::from_json(&record.definition_json)?;
    let original = Experiment::from_json(&record.original_json)?;
    let groups = seen::groups(env, &experiment).await?;
    let found =
        Seen::whole(env, &experiment, &groups, record.started_at_ms, now_ms).await?.answer(&experiment)?;
    let standing = found.standing_json(&experiment, &record.shares(), now_ms);
    let groups_json = groups_json(&experiment, &groups, record.started_at_ms);
    let ledger = serde_json::to_string(&central::ledger_health(env).await?).map_err(worker::Error::from)?;
    let some = |at_ms: u64| (at_ms > 0).then_some(at_ms);
    let report = found.to_json(
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
    );
    Ok((report, standing))
}

/// Sizes of the groups, and the digest of the file of groups as it is served now.
fn groups_json(experiment: &Experiment, groups: &Groups, started_at_ms: u64) -> Option<String> {
    let Goods::Scope(scope) = &experiment.goods else { return None };
    let (positive, all, strata) = (groups.positive().count(), groups.members().len(), scope.strata);
    let sha256 = mac::sha256(&groups.to_tsv(experiment.currency, started_at_ms, experiment.end_ms));
    let negative = all - positive;
    Some(format!(r#"{{"positive":{positive},"negative":{negative},"strata":{strata},"sha256":"{sha256}"}}"#))
}
