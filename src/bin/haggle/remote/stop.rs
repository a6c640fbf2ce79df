//! The kill switch: catalogue prices at once, of one experiment or of all, and going on afterwards.

use clap::Args;
use serde_json::{Value, json};
use ureq::http::Method;

use super::Server;
use super::change::{Why, path_of, tell};
use super::client::{Client, Message};
use crate::{Answer, Failure, say};

/// Stops prices at once: everybody sees the catalogue price. What was learned stays.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle stop --all
  haggle stop sevilla --reason 'a wrong price column'

A quote that was issued before is honoured at checkout where it is below the catalogue price.")]
pub struct StopOptions {
    #[command(flatten)]
    what: What,
}

/// Lets prices go on where they were stopped, or an experiment that was paused.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle resume sevilla --reason 'the column is right again'
  haggle resume --all --reason 'it was the theme'")]
pub struct ResumeOptions {
    #[command(flatten)]
    what: What,
}

/// One experiment, or all.
#[derive(Args)]
struct What {
    /// Name of the experiment.
    #[arg(required_unless_present = "all")]
    name: Option<String>,
    /// The whole shop.
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// The answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    server: Server,
}

/// Stops.
pub fn stop(options: &StopOptions) -> Result<Answer, Failure> {
    // A shop with wrong prices does not wait for a reason to be typed.
    options.what.switch("stop", Some("the kill switch, with no reason given"))
}

/// Goes on.
pub fn resume(options: &ResumeOptions) -> Result<Answer, Failure> {
    options.what.switch("resume", None)
}

impl What {
    fn switch(&self, action: &str, reason: Option<&str>) -> Result<Answer, Failure> {
        let client = self.server.client()?;
        let mut message = Message::json(&self.why.fields_or(reason)?.into());
        message.key = self.why.key();
        match &self.name {
            Some(name) => self.switch_one(&client, name, action, message),
            None => {
                let reply = client.send(&Method::POST, &format!("/haggle/v1/{action}"), &message)?;
                self.tell_all(&reply.json()?)
            }
        }
    }

    fn switch_one(
        &self,
        client: &Client,
        name: &str,
        action: &str,
        mut message: Message,
    ) -> Result<Answer, Failure> {
        let path = path_of(name);
        // A stop waits for nothing, not even for what was before it; nor is it a matter of revisions: whatever was changed
        // meanwhile, it must stop.
        let before = match action {
            "resume" => client.once_only().get(&path).ok(),
            _ => None,
        };
        message.revision = before.as_ref().and_then(|before| before.revision);
        let after = client.send(&Method::POST, &format!("{path}/{action}"), &message)?;
        if before.is_none() && !self.json {
            let what = if action == "stop" { "stopped: catalogue prices everywhere" } else { "prices go on" };
            say(format!("{name}: {what}"))?;
            return Ok(Answer::Yes);
        }
        tell(name, before.as_ref(), &after, self.json)
    }

    fn tell_all(&self, view: &Value) -> Result<Answer, Failure> {
        if self.json {
            say(view)?;
            return Ok(Answer::Yes);
        }
        let version = view.get("version").and_then(Value::as_u64).unwrap_or_default();
        let is_stopped = view.get("stopped") == Some(&json!(true));
        let what = if is_stopped { "stopped: catalogue prices everywhere" } else { "prices go on" };
        say(format!("the whole shop: {what}, from snapshot {version} on"))?;
        Ok(Answer::Yes)
    }
}
