//! `haggle list`: all experiments, past and running, one line each.

use clap::Args;
use haggle::time::{HOUR_MS, format_date};
use serde_json::{Value, json};

use super::change::path_of;
use super::report::answer::{Answer as Report, thousands};
use super::{Client, Server};
use crate::table::Table;
use crate::{Answer, Failure, say};

/// Lists all experiments, past and running, one line each.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle list
  haggle list --live
  haggle list --json | jq -r '.[] | select(.state == \"running\").name'

The last column is what the experiment earned more for each unit than its holdout, with the 95 % interval that holds at \
every look; haggle report NAME has the rest.")]
pub struct Options {
    /// Without drafts and archived ones.
    #[arg(long)]
    live: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Prints the list.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    let client = options.server.client()?;
    let answer = client.get_json("/haggle/v1/experiments")?;
    let all = answer.get("experiments").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut lines = Vec::new();
    for one in &all {
        let state = text(one, "state");
        if options.live && matches!(state.as_str(), "draft" | "archived") {
            continue;
        }
        // What was not started has nothing to report.
        let report = if state == "draft" { None } else { Some(report(&client, &text(one, "name"))?) };
        lines.push(Line::of(one, report.as_ref()));
    }
    if options.json {
        say(json!(lines.iter().map(|line| &line.json).collect::<Vec<_>>()))?;
        return Ok(Answer::Yes);
    }
    if lines.is_empty() {
        say("no experiments")?;
        return Ok(Answer::Yes);
    }
    let mut table =
        Table::new(&["name", "state", "since", "days", "units", "orders", "best arm", "against holdout"]);
    lines.into_iter().for_each(|line| table.line(line.cells));
    say(table)?;
    whole_shop(&client).iter().try_for_each(say)?;
    Ok(Answer::Yes)
}

/// What holds for all experiments, and stands in none of them; nothing where health does not say it.
fn whole_shop(client: &Client) -> Vec<&'static str> {
    let health = client.get_json("/haggle/health").unwrap_or_default();
    let is = |path: &str| health.pointer(path).and_then(Value::as_bool).unwrap_or_default();
    let stopped = "! The whole shop is stopped: catalogue prices everywhere, until `haggle resume --all`";
    let held = "! An earlier snapshot is held: nothing new is published, until `haggle resume --all`";
    [("/snapshot/stopped", stopped), ("/held", held)]
        .into_iter()
        .filter(|(path, _)| is(path))
        .map(|(_, text)| text)
        .collect()
}

fn report(client: &Client, name: &str) -> Result<Report, Failure> {
    let path = format!("{}/report", path_of(name));
    Ok(serde_json::from_slice(&client.get(&path)?.body).map_err(|why| format!("report of {name}: {why}"))?)
}

struct Line {
    cells: Vec<String>,
    json: Value,
}

impl Line {
    fn of(one: &Value, report: Option<&Report>) -> Self {
        let (name, state) = (text(one, "name"), text(one, "state"));
        let is_stopped = one.get("stopped").and_then(Value::as_bool).unwrap_or_default();
        let shown = if is_stopped { format!("{state}, stopped") } else { state.clone() };
        let Some(report) = report else {
            let cells = [name.clone(), shown].into_iter().chain((0..6).map(|_| String::new())).collect();
            return Self { cells, json: json!({ "name": name, "state": state }) };
        };
        let best = report.best();
        let sums = report.priced();
        let dash = || "–".to_owned();
        let cells = vec![
            name.clone(),
            shown,
            format_date(report.dates.started_at_ms),
            report.days().to_string(),
            thousands(sums.exposures.unsigned_abs()),
            thousands(sums.orders.unsigned_abs()),
            best.map_or_else(dash, str::to_owned),
            report.all_to_holdout.map_or_else(dash, |of| {
                format!("{} ({})", report.difference(of.value), report.range(of.at_any_look))
            }),
        ];
        let against = report.all_to_holdout;
        let json = json!({
            "name": name, "state": state, "stopped": is_stopped, "started_at_ms": report.dates.started_at_ms,
            "hours": report.until_ms().saturating_sub(report.dates.started_at_ms) / HOUR_MS,
            "units": sums.exposures, "orders": sums.orders, "best": best,
            "revenue_minor": sums.revenue_minor, "profit_minor": sums.profit_minor,
            "to_holdout": against.map(|of| json!({ "value": of.value, "at_any_look": of.at_any_look })),
            "verdict": report.conclusion.verdict,
        });
        Self { cells, json }
    }
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().into()
}
