//! `haggle snapshots` and `haggle rollback`: what was published, and going back to it.

use clap::Args;
use serde_json::{Value, json};

use super::Server;
use super::change::Why;
use super::client::Message;
use crate::table::Table;
use crate::{Answer, Failure, say};

/// Lists the last snapshots: version, time and size.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle snapshots
  haggle snapshots --json")]
pub struct SnapshotsOptions {
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Publishes the content of an earlier snapshot again, under a new version, and holds it until `haggle resume --all`.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle snapshots
  haggle rollback 1289 --reason 'version 1290 has the prices of the wrong column'")]
pub struct RollbackOptions {
    /// Version of the snapshot to go back to.
    #[arg(value_name = "VERSION")]
    to: u64,
    /// The answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    server: Server,
}

/// Lists the snapshots.
pub fn snapshots(options: &SnapshotsOptions) -> Result<Answer, Failure> {
    let answer = options.server.client()?.get_json("/haggle/v1/snapshots")?;
    if options.json {
        say(&answer)?;
        return Ok(Answer::Yes);
    }
    let list = answer.get("snapshots").unwrap_or(&answer).as_array().cloned().unwrap_or_default();
    let mut table = Table::new(&["version", "published", "bytes"]);
    for one in &list {
        let number = |name: &str| one.get(name).and_then(Value::as_u64);
        let published = number("published_at_ms").map(haggle::time::format_time).unwrap_or_default();
        let [version, bytes] = ["version", "bytes"].map(|name| number(name).unwrap_or_default().to_string());
        table.line(vec![version, published, bytes]);
    }
    say(if list.is_empty() { "no snapshot is kept".into() } else { table.to_string() })?;
    Ok(Answer::Yes)
}

/// Goes back to a snapshot.
pub fn rollback(options: &RollbackOptions) -> Result<Answer, Failure> {
    let client = options.server.client()?;
    let mut body = options.why.fields()?;
    body.insert("version".into(), json!(options.to));
    let mut message = Message::json(&body.into());
    message.key = options.why.key();
    let answer = client.send(&ureq::http::Method::POST, "/haggle/v1/rollback", &message)?.json()?;
    if options.json {
        say(&answer)?;
        return Ok(Answer::Yes);
    }
    let version = answer.get("version").and_then(Value::as_u64).unwrap_or_default();
    say(format!(
        "the content of snapshot {} is out as {version}, and held until haggle resume --all",
        options.to
    ))?;
    Ok(Answer::Yes)
}
