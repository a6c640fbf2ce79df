//! A change of an experiment: who asks, why, for which revision, and what is different afterwards.

use std::io::{BufRead, IsTerminal, Write};
use std::process::Command;

use clap::Args;
use serde_json::{Map, Value};
use ureq::http::Method;

use super::client::{Client, Message, Refused, Reply};
use super::{Server, part};
use crate::{Answer, Failure, say};

/// Longest reason, in characters: what the API takes.
const REASON_MAX: usize = 500;
/// Longest value that is shown of what changed, in characters.
const SHOWN_MAX: usize = 60;
/// Most fields that are shown of what changed.
const FIELDS_MAX: usize = 12;

/// Who asks for a change and why: both stand in the audit record.
#[derive(Args)]
pub struct Why {
    /// Who asks; else $USER or the name that git knows. Behind Cloudflare Access the e-mail of the login counts.
    #[arg(long, help_heading = "Audit record", value_name = "NAME")]
    by: Option<String>,
    /// Why, in a sentence; asked for at a terminal, else required.
    #[arg(long, help_heading = "Audit record", value_name = "TEXT")]
    reason: Option<String>,
    /// Idempotency-Key, for a script that repeats itself: the same key does nothing twice. A fresh one where left out.
    #[arg(long, help_heading = "Audit record", value_name = "KEY")]
    key: Option<String>,
}

impl Why {
    /// The fields of the body that say it.
    pub fn fields(&self) -> Result<Map<String, Value>, Failure> {
        self.fields_or(None)
    }

    /// The same, with this reason where none is given, in place of a question.
    pub fn fields_or(&self, usual: Option<&str>) -> Result<Map<String, Value>, Failure> {
        let by = match &self.by {
            Some(by) => Some(by.trim().to_owned()),
            None => whoever_works_here(),
        };
        let by = by.filter(|by| !by.is_empty()).ok_or("who asks is not known: give --by NAME")?;
        let reason = match (self.reason.as_deref(), usual) {
            (Some(reason), _) | (None, Some(reason)) => reason.trim().to_owned(),
            (None, None) => asked("Why? ")?,
        };
        if reason.is_empty() || reason.chars().count() > REASON_MAX {
            return Err(format!("--reason {reason:?}: it must have 1 to {REASON_MAX} characters").into());
        }
        Ok([("by".to_owned(), by.into()), ("reason".to_owned(), reason.into())].into_iter().collect())
    }

    /// The same as the query of an address, where the body is something else.
    pub fn query(&self) -> Result<String, Failure> {
        let fields = self.fields()?;
        let text = |value: &Value| part(value.as_str().unwrap_or_default());
        Ok(fields.iter().map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join("&"))
    }

    /// The key that was given.
    pub fn key(&self) -> Option<String> {
        self.key.clone()
    }
}

fn whoever_works_here() -> Option<String> {
    let of_login = ["USER", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    of_login.filter(|name| !name.is_empty()).or_else(|| {
        let output = Command::new("git").args(["config", "user.name"]).output().ok()?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    })
}

/// What a person at the terminal answers.
fn asked(question: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err("the reason is missing: give --reason TEXT; it stands in the audit record".into());
    }
    eprint!("{question}");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// A change of one experiment.
#[derive(Args)]
pub struct Change {
    /// Name of the experiment.
    pub name: String,
    /// The revision that you looked at: refused where it has changed since. Else the one of now.
    #[arg(long, value_name = "NUMBER")]
    revision: Option<u64>,
    /// The experiment after the change, as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    server: Server,
}

/// Path of an experiment.
pub fn path_of(name: &str) -> String {
    format!("/haggle/v1/experiments/{}", part(name))
}

impl Change {
    /// Asks for an action with its fields, and says what is different afterwards.
    pub fn act(&self, action: &str, fields: Value) -> Result<Answer, Failure> {
        self.act_on(action, |_| Ok(fields))
    }

    /// The same, with fields that depend on the experiment before.
    pub fn act_on(
        &self,
        action: &str,
        fields: impl FnOnce(&Value) -> Result<Value, Failure>,
    ) -> Result<Answer, Failure> {
        let client = self.server.client()?;
        let before = client.get(&path_of(&self.name))?;
        let fields = fields(&before.json()?)?;
        let mut body = self.why.fields()?;
        body.extend(
            fields.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())),
        );
        let mut message = Message::json(&body.into());
        message.revision = self.revision.or(before.revision);
        message.key = self.why.key();
        let path = format!("{}/{action}", path_of(&self.name));
        let reply = client.send(&Method::POST, &path, &message);
        let after = reply.map_err(|failure| explained(&client, &self.name, &message, failure))?;
        tell(&self.name, Some(&before), &after, self.json)
    }

    /// Deletes a draft.
    pub fn delete(&self) -> Result<Answer, Failure> {
        let client = self.server.client()?;
        let before = client.get(&path_of(&self.name))?;
        let revision = self.revision.or(before.revision);
        let message = Message { revision, key: self.why.key(), ..Message::default() };
        let path = format!("{}?{}", path_of(&self.name), self.why.query()?);
        let reply = client.send(&Method::DELETE, &path, &message);
        let after = reply.map_err(|failure| explained(&client, &self.name, &message, failure))?;
        say(if self.json { after.json()?.to_string() } else { format!("{}: deleted", self.name) })?;
        Ok(Answer::Yes)
    }
}

/// Says what an answer shows, or what is different in it from before.
pub fn tell(name: &str, before: Option<&Reply>, after: &Reply, as_json: bool) -> Result<Answer, Failure> {
    let view = if after.body.is_empty() { Value::Null } else { after.json()? };
    if as_json {
        say(&view)?;
        return Ok(Answer::Yes);
    }
    let Some(before) = before else {
        let state = view.get("state").and_then(Value::as_str).unwrap_or("draft");
        say(format!("{name}: {state}, {}", revision(after)))?;
        return Ok(Answer::Yes);
    };
    let (was, is) = (revision(before), revision(after));
    let moved = if was == is { was } else { format!("{was} -> {is}") };
    say(format!("{name}: {moved}"))?;
    let mut differences = Vec::new();
    differences_of("", &before.json()?, &view, &mut differences);
    differences.iter().take(FIELDS_MAX).try_for_each(|line| say(format!("  {line}")))?;
    if differences.len() > FIELDS_MAX {
        say(format!("  and {} more", differences.len() - FIELDS_MAX))?;
    }
    if differences.is_empty() && !view.is_null() {
        say("  nothing is different")?;
    }
    Ok(Answer::Yes)
}

fn revision(reply: &Reply) -> String {
    let of_body = || reply.json().ok()?.get("revision")?.as_u64();
    reply
        .revision
        .or_else(of_body)
        .map_or_else(|| "no revision".into(), |number| format!("revision {number}"))
}

/// Fields of a view that change by themselves.
const MOVING: [&str; 4] = ["revision", "original", "mismatches", "changed_at_ms"];

/// The leaves in which two values differ, each as `path: before -> after`. Lists of named things go by their names.
fn differences_of(path: &str, before: &Value, after: &Value, lines: &mut Vec<String>) {
    let (was, is) = (by_name(before), by_name(after));
    let (Some(was), Some(is)) = (was, is) else {
        if before != after {
            lines.push(format!("{path}: {} -> {}", shown(before), shown(after)));
        }
        return;
    };
    let names = was.keys().chain(is.keys().filter(|name| !was.contains_key(*name)));
    for name in names.filter(|name| !(path.is_empty() && MOVING.contains(&name.as_str()))) {
        let inner =
            if path.is_empty() || path == "definition" { name.clone() } else { format!("{path}.{name}") };
        let nothing = Value::Null;
        let [was, is] = [&was, &is].map(|map| map.get(name).unwrap_or(&nothing));
        match (was, is) {
            // An arm that is new is told in one line.
            (Value::Null, Value::Object(_)) => lines.push(format!("{inner}: added {}", shown(is))),
            // An arm without a state is live.
            _ if was != is && path.starts_with("arms.") && name == "state" => {
                let [was, is] = [was, is].map(|state| state.as_str().unwrap_or("live"));
                lines.push(format!("{inner}: {was} -> {is}"));
            }
            _ => differences_of(&inner, was, is, lines),
        }
    }
}

/// The fields of an object, or the elements of a list by their names.
fn by_name(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields.clone()),
        Value::Array(list) => {
            list.iter().map(|one| Some((one.get("name")?.as_str()?.to_owned(), one.clone()))).collect()
        }
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let short: String = text.chars().take(SHOWN_MAX).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

/// A failure; where somebody else was faster, with what they did.
pub fn explained(client: &Client, name: &str, message: &Message, failure: Failure) -> Failure {
    let Some(refused) = failure.downcast_ref::<Refused>().filter(|refused| refused.status == 412) else {
        return failure;
    };
    let mut text = format!("{refused}\nNothing was changed.");
    let wanted = message.revision.unwrap_or_default();
    let now = client.get(&path_of(name)).ok().and_then(|reply| reply.revision).unwrap_or(wanted);
    for line in newest(client, name, now.saturating_sub(wanted)).unwrap_or_default() {
        text.push_str(&format!("\nMeanwhile {line}"));
    }
    text.push_str(&format!("\nLook at it (haggle history {name}) and ask again with --revision {now}"));
    text.into()
}

/// The newest records of an experiment, oldest first.
fn newest(client: &Client, name: &str, count: u64) -> Result<Vec<String>, Failure> {
    let records = super::history::records(client, Some(name))?;
    let skipped = records.len().saturating_sub(count as usize);
    Ok(records.iter().skip(skipped).map(super::history::line).collect())
}
