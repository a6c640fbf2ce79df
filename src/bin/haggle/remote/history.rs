//! `haggle history`: who did what to an experiment, when and why.

use clap::Args;
use serde_json::{Value, json};

use super::change::path_of;
use super::{Client, Server, part};
use crate::table::Table;
use crate::{Answer, Failure, say};

/// Most records that are read: a hundred pages.
const PAGES_MAX: usize = 100;

/// Shows the audit records: who did what, when and why.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle history sevilla
  haggle history --json
  haggle history sevilla --json | jq '.[] | select(.action == \"add-arm\")'")]
pub struct Options {
    /// Name of the experiment; all of the shop where left out.
    name: Option<String>,
    /// As JSON, with what was before and after.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Prints the records, oldest first.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    let client = options.server.client()?;
    let records = records(&client, options.name.as_deref())?;
    if let Some(name) = options.name.as_deref().filter(|_| records.is_empty()) {
        // Nothing is known of a name that was mistyped, either.
        client.get_json(&path_of(name))?;
    }
    if options.json {
        say(json!(records))?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new(&["when", "who", "what", "experiment", "why"]);
    for record in &records {
        table.line(vec![
            time(record),
            text(record, "who"),
            text(record, "action"),
            text(record, "experiment"),
            text(record, "reason"),
        ]);
    }
    say(if records.is_empty() { "no records".into() } else { table.to_string() })?;
    Ok(Answer::Yes)
}

/// All records, or those of an experiment, oldest first.
pub fn records(client: &Client, experiment: Option<&str>) -> Result<Vec<Value>, Failure> {
    let of = experiment.map(|name| format!("experiment={}&", part(name))).unwrap_or_default();
    let mut all: Vec<Value> = Vec::new();
    let mut after = 0;
    for _ in 0..PAGES_MAX {
        let page = client.get_json(&format!("/haggle/v1/audit?{of}after={after}"))?;
        let records = page.get("records").and_then(Value::as_array).cloned().unwrap_or_default();
        let Some(last) = records.last().and_then(|record| record.get("id")).and_then(Value::as_u64) else {
            break;
        };
        after = last;
        all.extend(records);
    }
    Ok(all)
}

/// A record in one line.
pub fn line(record: &Value) -> String {
    let [who, action, reason] = ["who", "action", "reason"].map(|name| text(record, name));
    format!("{who} did {action} at {}: {reason}", time(record))
}

fn text(record: &Value, name: &str) -> String {
    record.get(name).and_then(Value::as_str).unwrap_or_default().into()
}

fn time(record: &Value) -> String {
    record.get("at_ms").and_then(Value::as_u64).map(haggle::time::format_time).unwrap_or_default()
}
