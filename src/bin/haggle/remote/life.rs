//! An experiment's life: put, start, pause, resume, stop, decide, archive, delete.

use std::path::PathBuf;

use clap::Args;
use haggle::Experiment;
use serde_json::json;
use ureq::http::Method;

use super::change::{Change, Why, explained, path_of, tell};
use super::client::{Message, Refused};
use super::{Client, Server};
use crate::{Answer, Failure, files};

/// Puts a draft, or another in its place. Nothing is priced before `haggle start`.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle put experiments/sevilla.toml --reason 'first draft, after the review'
  haggle put experiments/sevilla.json --json")]
pub struct PutOptions {
    /// File with the experiment, in TOML or JSON (*.json).
    file: PathBuf,
    /// The experiment as it is stored, as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    server: Server,
}

/// Reads an experiment, TOML or JSON.
pub fn experiment(path: &std::path::Path) -> Result<Experiment, Failure> {
    let text = files::text(path)?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let experiment = if is_json { Experiment::from_json(&text) } else { Experiment::from_toml(&text) };
    experiment.map_err(files::named(path))
}

/// An answer, or none where there is no such thing.
fn known(client: &Client, path: &str) -> Result<Option<super::client::Reply>, Failure> {
    match client.get(path) {
        Ok(reply) => Ok(Some(reply)),
        Err(failure) => match failure.downcast_ref::<Refused>() {
            Some(refused) if refused.status == 404 && !refused.body.is_null() => Ok(None),
            _ => Err(failure),
        },
    }
}

/// Puts the draft of a file.
pub fn put(options: &PutOptions) -> Result<Answer, Failure> {
    let experiment = experiment(&options.file)?;
    let client = options.server.client()?;
    let path = path_of(&experiment.name);
    let before = known(&client, &path)?;
    let mut message = Message { body: experiment.to_json().into_bytes(), ..Message::default() };
    message.revision = before.as_ref().and_then(|before| before.revision);
    message.key = options.why.key();
    let reply = client.send(&Method::PUT, &format!("{path}?{}", options.why.query()?), &message);
    let after = reply.map_err(|failure| explained(&client, &experiment.name, &message, failure))?;
    tell(&experiment.name, before.as_ref(), &after, options.json)
}

/// Starts a draft: its groups are drawn and saved, and its prices go out with the next snapshot.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle start sevilla --reason 'the pricing round of December'
  haggle start sevilla --groups g-sevilla.tsv --reason 'the groups of the pilot'")]
pub struct StartOptions {
    /// File with the groups, as `haggle groups` writes it: exactly these, in place of a draw.
    #[arg(long, value_name = "FILE")]
    groups: Option<PathBuf>,
    #[command(flatten)]
    change: Change,
}

/// Starts a draft.
pub fn start(options: &StartOptions) -> Result<Answer, Failure> {
    let fields = match &options.groups {
        Some(file) => json!({ "groups": files::text(file)? }),
        None => json!({}),
    };
    options.change.act("start", fields)
}

/// Pauses an experiment: nobody new gets its prices; who has one keeps it until its quote ends.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle pause sevilla --reason 'the warehouse is closed'")]
pub struct PauseOptions {
    #[command(flatten)]
    change: Change,
}

/// Pauses an experiment.
pub fn pause(options: &PauseOptions) -> Result<Answer, Failure> {
    options.change.act("pause", json!({}))
}

/// Decides an experiment: all new visitors get this arm; the holdout stays as it is.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle decide sevilla --arm low --reason 'the stopping rule: loss below 0.5 cents'")]
pub struct DecideOptions {
    /// The arm that has won.
    #[arg(long, value_name = "NAME")]
    arm: String,
    #[command(flatten)]
    change: Change,
}

/// Decides an experiment.
pub fn decide(options: &DecideOptions) -> Result<Answer, Failure> {
    options.change.act("decide", json!({ "arm": options.arm }))
}

/// Archives an experiment: its prices end, and its report never changes again.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle archive sevilla --reason 'rolled out in the shop itself'")]
pub struct ArchiveOptions {
    #[command(flatten)]
    change: Change,
}

/// Archives an experiment.
pub fn archive(options: &ArchiveOptions) -> Result<Answer, Failure> {
    options.change.act("archive", json!({}))
}

/// Deletes a draft. What was started is archived instead.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle delete sevilla --reason 'written twice'")]
pub struct DeleteOptions {
    #[command(flatten)]
    change: Change,
}

/// Deletes a draft.
pub fn delete(options: &DeleteOptions) -> Result<Answer, Failure> {
    options.change.delete()
}
