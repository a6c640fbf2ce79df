//! `GET /haggle/v1/experiments/NAME/evidence`: what one experiment's page draws and computes from, while it runs.
//!
//! Here are the counts of the central store, period by period as the policy looks at them (`central::history`), what was
//! published, who intervened, and where the experiment stands by what is counted now. Curves, densities and diagnostics
//! are computed from it by the page, in the same core as wasm. A short statement says first whether anything has changed;
//! only if so is anything read or computed.
//!
//! Of an archived experiment the counts are what they are now, and the standing is that of its last day. Out of scope: the
//! final answer (`report_api`), which looks at every epoch for itself.

use haggle::experiment::Unit;
use haggle::mac::fingerprint;
use haggle::time::HOUR_MS;
use haggle::{Delays, Experiment, History, Tally};
use worker::{Env, Request, Response};

use crate::central::{self, answer, experiments, standings};
use crate::clock;
use crate::http::{Fault, is_known, tagged_json, unchanged};
use crate::seen::{self, Seen};

/// The evidence of an experiment, if the caller does not have it.
pub async fn evidence(request: &Request, env: &Env, name: &str) -> Result<Response, Fault> {
    let now_ms = clock::now_ms();
    let facts = answer::facts(env, name).await?.ok_or_else(|| experiments::unknown(name))?;
    let hour = (now_ms / HOUR_MS).to_string();
    let tag = fingerprint(&["haggle evidence", env!("CARGO_PKG_VERSION"), name, &hour, &facts]);
    if is_known(request, &tag) {
        return Ok(unchanged(&tag)?);
    }
    let record = answer::record(env, name, now_ms).await?.ok_or_else(|| experiments::unknown(name))?;
    let experiment = Experiment::from_json(&record.definition_json)?;
    let (history, delays, standing) = gathered(env, &record, &experiment, now_ms).await?;
    let ledger = serde_json::to_string(&central::ledger_health(env).await?).map_err(worker::Error::from)?;
    let text = object(&[
        ("name", quoted(name)?),
        ("revision", record.revision.to_string()),
        ("state", quoted(&record.state)?),
        ("stopped", record.is_stopped.to_string()),
        ("decided", if record.decided.is_empty() { null() } else { quoted(&record.decided)? }),
        ("decision", or_null(&record.decision_json)),
        ("now_ms", now_ms.to_string()),
        ("created_at_ms", record.created_at_ms.to_string()),
        ("started_at_ms", time(record.started_at_ms)),
        ("decided_at_ms", time(record.decided_at_ms)),
        ("archived_at_ms", time(record.archived_at_ms)),
        ("end_ms", time(experiment.end_ms.unwrap_or(0))),
        ("version", record.version.to_string()),
        ("published_at_ms", time(record.published_at_ms)),
        ("unit", quoted(experiment.unit.name())?),
        ("objective", quoted(experiment.objective.name())?),
        ("currency", quoted(&experiment.currency.to_string())?),
        ("minor_digits", experiment.currency.minor_digits().to_string()),
        ("definition", record.definition_json.clone()),
        ("original", or_null(&record.original_json)),
        ("standing", standing.unwrap_or_else(null)),
        ("history", history_json(&history, experiment.arms.len())),
        ("delays", delays_json(&delays)),
        ("published", record.allocations_json.clone()),
        ("interventions", record.interventions_json.clone()),
        ("mismatches", record.mismatches_json.clone()),
        ("ledger", ledger),
    ]);
    Ok(tagged_json(text, &tag)?)
}

/// What was counted of an experiment and where it stands by that; nothing of a draft.
async fn gathered(
    env: &Env,
    record: &answer::Record,
    experiment: &Experiment,
    now_ms: u64,
) -> Result<(History, Delays, Option<String>), Fault> {
    if record.started_at_ms == 0 {
        return Ok((History::default(), Delays::default(), None));
    }
    let is_archived = record.archived_at_ms > 0;
    // What items sold after the end was no price of the experiment's any more.
    let is_over = is_archived && experiment.unit != Unit::Visitor;
    let until_ms = if is_over { record.archived_at_ms } else { now_ms };
    let groups = seen::groups(env, experiment).await?;
    let seen = Seen::compact(env, experiment, &groups, record.started_at_ms, until_ms).await?;
    let name = &experiment.name;
    let standing = if is_archived {
        standings::standing(env, name).await?
    } else {
        let shares = answer::shares(env, name).await?;
        match seen.answer(experiment) {
            Ok(found) => Some(found.standing_json(experiment, &shares, now_ms)),
            Err(error) => {
                worker::console_error!("standing of {name}: {error}");
                None
            }
        }
    };
    Ok((seen.history, seen.delays, standing))
}

/// One entry for each period in each list, the oldest first; squares as decimal texts, since they may be beyond what
/// JavaScript counts exactly.
fn history_json(history: &History, arms: usize) -> String {
    let periods = history.periods();
    let cohort = |number: fn(&haggle::Period) -> u32| list(periods.iter().map(|one| number(one).to_string()));
    let shares = periods.iter().map(|period| list(period.shares.iter().map(u32::to_string)));
    let of_arm = |place: usize| {
        tallies_json(periods.iter().map(|period| period.arms.get(place).copied().unwrap_or_default()))
    };
    object(&[
        ("hours", cohort(|period| period.cohort.hour)),
        ("epochs", cohort(|period| period.cohort.epoch)),
        ("shares", list(shares)),
        ("arms", list((0..arms).map(of_arm))),
        ("holdout", tallies_json(periods.iter().map(|period| period.holdout))),
    ])
}

fn tallies_json(tallies: impl Iterator<Item = Tally> + Clone) -> String {
    let sums = |sum: fn(&Tally) -> i64| list(tallies.clone().map(|tally| sum(&tally).to_string()));
    let squares =
        |square: fn(&Tally) -> i128| list(tallies.clone().map(|tally| format!("\"{}\"", square(&tally))));
    object(&[
        ("exposures", sums(|tally| tally.exposures)),
        ("conversions", sums(|tally| tally.conversions)),
        ("rewards", sums(|tally| tally.rewards)),
        ("units", sums(|tally| tally.units)),
        ("revenue_minor", sums(|tally| tally.revenue_minor)),
        ("cost_minor", sums(|tally| tally.cost_minor)),
        ("revenue_sq", squares(|tally| tally.revenue_sq)),
        ("profit_sq", squares(|tally| tally.profit_sq)),
    ])
}

/// Lists of the hour of the exposures, whole hours until the first sale, and conversions.
fn delays_json(delays: &Delays) -> String {
    list(delays.cells().map(|(hour, delay_h, conversions)| format!("[{hour},{delay_h},{conversions}]")))
}

/// An object of values that are JSON already.
fn object(fields: &[(&str, String)]) -> String {
    let field = |(name, value): &(&str, String)| format!("\"{name}\":{value}");
    format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
}

fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(","))
}

fn quoted(text: &str) -> Result<String, Fault> {
    Ok(serde_json::to_string(text).map_err(worker::Error::from)?)
}

fn null() -> String {
    "null".into()
}

fn or_null(json: &str) -> String {
    if json.is_empty() { null() } else { json.into() }
}

/// A time, if it has come.
fn time(at_ms: u64) -> String {
    if at_ms > 0 { at_ms.to_string() } else { null() }
}
