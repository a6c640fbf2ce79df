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
use haggle::{Delays, Experiment, History, Period, Tally};
use worker::{Env, Request, Response};

use crate::central::{self, answer, experiments};
use crate::clock;
use crate::http::{Fault, is_known, tagged_json, unchanged};
use crate::seen::{self, Seen};

/// The evidence of an experiment, if the caller does not have it.
pub async fn evidence(request: &Request, env: &Env, name: &str) -> Result<Response, Fault> {
    let now_ms = clock::now_ms();
    let facts = answer::facts(env, name, now_ms).await?.ok_or_else(|| experiments::unknown(name))?;
    let hour = (now_ms / HOUR_MS).to_string();
    let tag = fingerprint(&["haggle evidence", env!("CARGO_PKG_VERSION"), name, &hour, &facts]);
    if is_known(request, &tag) {
        return Ok(unchanged(&tag)?);
    }
    let record = answer::record(env, name, now_ms).await?.ok_or_else(|| experiments::unknown(name))?;
    let experiment = Experiment::from_json(&record.definition_json)?;
    let (history, delays, standing) = gathered(env, &record, &experiment, now_ms).await?;
    let ledger = serde_json::to_string(&central::ledger_health(env).await?).map_err(worker::Error::from)?;
    let head = record.head_json.strip_suffix('}').unwrap_or_default();
    let digits = experiment.currency.minor_digits();
    let (standing, original) = (or_null(&standing), or_null(&record.original_json));
    let history = history_json(&history, experiment.arms.len());
    let delays = delays_json(&delays);
    let answer::Record { definition_json, allocations_json, interventions_json, mismatches_json, .. } =
        &record;
    let text = [
        head,
        &format!(",\"minor_digits\":{digits},\"definition\":"),
        definition_json,
        ",\"original\":",
        original,
        ",\"standing\":",
        standing,
        ",\"history\":",
        &history,
        ",\"delays\":",
        &delays,
        ",\"published\":",
        allocations_json,
        ",\"interventions\":",
        interventions_json,
        ",\"mismatches\":",
        mismatches_json,
        ",\"ledger\":",
        &ledger,
        "}",
    ];
    Ok(tagged_json(text.concat(), &tag)?)
}

/// What was counted of an experiment and where it stands by that; nothing of a draft.
async fn gathered(
    env: &Env,
    record: &answer::Record,
    experiment: &Experiment,
    now_ms: u64,
) -> Result<(History, Delays, String), Fault> {
    if record.started_at_ms == 0 {
        return Ok((History::default(), Delays::default(), String::new()));
    }
    let is_archived = record.archived_at_ms > 0;
    // What items sold after the end was no price of the experiment's any more.
    let is_over = is_archived && experiment.unit != Unit::Visitor;
    let until_ms = if is_over { record.archived_at_ms } else { now_ms };
    let groups = seen::groups(env, experiment).await?;
    let seen = Seen::compact(env, experiment, &groups, record.started_at_ms, until_ms).await?;
    let standing = match seen.answer(experiment) {
        _ if is_archived => record.standing_json.clone(),
        Ok(found) => found.standing_json(experiment, &record.shares(), now_ms),
        Err(error) => {
            worker::console_error!("standing of {}: {error}", experiment.name);
            String::new()
        }
    };
    Ok((seen.history, seen.delays, standing))
}

/// One entry for each period in each list, the oldest first; squares as decimal texts, since they may be beyond what
/// JavaScript counts exactly.
fn history_json(history: &History, arms: usize) -> String {
    let periods = history.periods();
    let mut json = String::from("{\"hours\":");
    list(&mut json, &mut periods.iter().map(|period| period.cohort.hour.into()));
    json.push_str(",\"epochs\":");
    list(&mut json, &mut periods.iter().map(|period| period.cohort.epoch.into()));
    json.push_str(",\"shares\":[");
    for (place, period) in periods.iter().enumerate() {
        json.push_str(if place > 0 { "," } else { "" });
        list(&mut json, &mut period.shares.iter().map(|&share| share.into()));
    }
    json.push_str("],\"arms\":[");
    for arm in 0..arms {
        json.push_str(if arm > 0 { "," } else { "" });
        tallies(&mut json, periods, Some(arm));
    }
    json.push_str("],\"holdout\":");
    tallies(&mut json, periods, None);
    json.push('}');
    json
}

/// What a number of a tally is called, and which it is.
type Field = (&'static str, fn(&Tally) -> i128);

const SUMS: [Field; 6] = [
    ("exposures", |tally| tally.exposures.into()),
    ("conversions", |tally| tally.conversions.into()),
    ("rewards", |tally| tally.rewards.into()),
    ("units", |tally| tally.units.into()),
    ("revenue_minor", |tally| tally.revenue_minor.into()),
    ("cost_minor", |tally| tally.cost_minor.into()),
];

const SQUARES: [Field; 2] =
    [("revenue_sq", |tally| tally.revenue_sq), ("profit_sq", |tally| tally.profit_sq)];

/// The tallies of an arm, or of the holdout.
fn tallies(json: &mut String, periods: &[Period], arm: Option<usize>) {
    let none = Tally::default();
    for (place, (name, number)) in SUMS.iter().chain(&SQUARES).enumerate() {
        let of = |period| number(tally(period, arm).unwrap_or(&none));
        json.push_str(if place > 0 { ",\"" } else { "{\"" });
        json.push_str(name);
        json.push_str("\":");
        let from = json.len();
        list(json, &mut periods.iter().map(of));
        if place >= SUMS.len() && !periods.is_empty() {
            let texts = json.split_off(from).replace(',', "\",\"").replace('[', "[\"").replace(']', "\"]");
            json.push_str(&texts);
        }
    }
    json.push('}');
}

fn tally(period: &Period, arm: Option<usize>) -> Option<&Tally> {
    arm.map_or(Some(&period.holdout), |arm| period.arms.get(arm))
}

/// Lists of the hour of the exposures, whole hours until the first sale, and conversions.
fn delays_json(delays: &Delays) -> String {
    let mut json = String::from("[");
    for (place, (hour, delay_h, conversions)) in delays.cells().enumerate() {
        json.push_str(if place > 0 { "," } else { "" });
        list(&mut json, &mut [hour.into(), delay_h.into(), conversions.into()].into_iter());
    }
    json.push(']');
    json
}

fn list(json: &mut String, numbers: &mut dyn Iterator<Item = i128>) {
    json.push('[');
    for (place, number) in numbers.enumerate() {
        json.push_str(if place > 0 { "," } else { "" });
        json.push_str(&number.to_string());
    }
    json.push(']');
}

fn or_null(json: &str) -> &str {
    if json.is_empty() { "null" } else { json }
}
