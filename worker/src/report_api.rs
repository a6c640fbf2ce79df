//! `GET /haggle/v1/experiments/NAME/report`: the final answer, so far or for good.

use haggle::answer::{Answer, Counted, Record};
use haggle::{Experiment, evidence};
use worker::{Env, Response};

use crate::central::{self, answer};
use crate::clock;
use crate::http::{Fault, json_text};

const HOUR_MS: u64 = 3_600_000;

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
    let record = answer::record(env, name, now_ms).await?;
    let record = record.ok_or_else(|| Fault::NotFound(format!("no experiment {name}")))?;
    if !record.report_json.is_empty() {
        return Ok(record.report_json);
    }
    if record.started_at_ms == 0 {
        return Err(Fault::Conflict(format!(
            "experiment {name} was not started; there is nothing to report"
        )));
    }
    let experiment = Experiment::from_json(&record.definition_json)?;
    let original = Experiment::from_json(&record.original_json)?;
    let now_hour = (now_ms / HOUR_MS) as u32;
    let (history, negative) = answer::counted(env, &experiment, now_hour).await?;
    let (recent, delays) = central::history(env, &experiment, now_hour).await?;
    let input = evidence::policy_input(&experiment, &recent, &delays, now_ms as f64 / HOUR_MS as f64)?;
    let found = Answer::new(&experiment, &Counted { history: &history, negative, panel: None, groups: None, now_hour }, &input)?;
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
            groups_json: None,
            interventions_json: &record.interventions_json,
            allocations_json: &record.allocations_json,
            mismatches_json: &record.mismatches_json,
            ledger_json: &ledger,
        },
    ))
}
