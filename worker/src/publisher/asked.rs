//! A request that changes something: who asks, by which key, and whether it was answered before.

use haggle::lifecycle::Signature;
use haggle::mac::fingerprint;
use js_sys::{JSON, Reflect};
use worker::{Request, Response};

use super::kill::SWITCH_WAIT_MS;
use super::{Answer, Publisher, last};
use crate::auth::{self, ACTOR, BEARER};
use crate::central::audit::{self, Answered, Record};
use crate::clock;
use crate::http::{Fault, json_text, query, text_body};
use crate::rows::in_time;

/// Most bytes of a body: the keys of some thousand items in a definition, which the row of what is archived holds four
/// times, and D1 takes rows of 2 MB; the groups of 100 000 items at a start.
const BYTES_MAX: usize = 400 * 1024;
const START_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A request that changes something.
pub struct Asked {
    /// Its body.
    pub body: String,
    key: String,
    fingerprint: String,
    if_match: Option<String>,
    actor: String,
    by: String,
    reason: String,
}

impl Asked {
    /// Reads all of a request.
    pub async fn read(request: &Request, path: &str) -> Result<Self, Fault> {
        let header = |name: &str| request.headers().get(name).ok().flatten();
        let key = auth::idempotency_key(request)?;
        let most = if path.ends_with("/start") { START_BYTES_MAX } else { BYTES_MAX };
        let body = text_body(request, most).await?;
        Ok(Self {
            fingerprint: fingerprint(&[request.method().as_ref(), path, &body]),
            key,
            if_match: header("if-match"),
            actor: header(ACTOR).unwrap_or_default(),
            by: query(request, "by").unwrap_or_default(),
            reason: query(request, "reason").unwrap_or_default(),
            body,
        })
    }

    /// That the one who asks has seen the newest revision.
    pub fn check_match(&self, revision: u64) -> Result<(), Fault> {
        let Some(given) = &self.if_match else {
            let why = format!(
                "header If-Match is missing; it must be the revision that was last seen, such as \"{revision}\""
            );
            return Err(Fault::NoMatch(why));
        };
        if given.trim() == format!("\"{revision}\"") {
            return Ok(());
        }
        Err(Fault::Changed(format!(
            "header If-Match is {given}, and the revision is \"{revision}\" now; look at what has changed, then send it again"
        )))
    }

    /// As [`Asked::check_match`], where nothing is there yet or where haste is more.
    pub fn check_match_if_any(&self, revision: Option<u64>) -> Result<(), Fault> {
        match (&self.if_match, revision) {
            (None, _) => Ok(()),
            (Some(_), Some(revision)) => self.check_match(revision),
            (Some(given), None) => Err(Fault::Changed(format!(
                "header If-Match is {given}, and there is no such experiment; leave it out to create one"
            ))),
        }
    }

    /// The record of what is signed in the body.
    pub fn signed(&self, action: &str, experiment: &str, signature: &Signature) -> Result<Record, Fault> {
        let who = match (self.is_known(), signature.by.as_str()) {
            (true, _) => self.actor.clone(),
            (false, "") => {
                return Err(Fault::Bad("by is missing; it must be 1 to 64 characters: who wants it".into()));
            }
            (false, by) => format!("{by} (bearer)"),
        };
        Ok(self.record(action, experiment, who, signature.reason.clone()))
    }

    /// The record of what has no signature in its body; who and why may stand in the query.
    pub fn unsigned(&self, action: &str, experiment: &str) -> Record {
        let line = |text: &str, most| text.chars().filter(|c| !c.is_control()).take(most).collect::<String>();
        let by = line(self.by.trim(), 64);
        let who = match (self.is_known(), by.as_str()) {
            (true, _) => self.actor.clone(),
            (false, "") => BEARER.into(),
            (false, by) => format!("{by} (bearer)"),
        };
        self.record(action, experiment, who, line(self.reason.trim(), 500))
    }

    fn is_known(&self) -> bool {
        !self.actor.is_empty() && self.actor != BEARER
    }

    fn record(&self, action: &str, experiment: &str, who: String, reason: String) -> Record {
        Record {
            at_ms: clock::now_ms(),
            who,
            action: action.into(),
            experiment: experiment.into(),
            reason,
            before: "{}".into(),
            after: "{}".into(),
            key: self.key.clone(),
            request: self.fingerprint.clone(),
            status: 200,
            answer: None,
        }
    }
}

impl Publisher {
    /// What was answered to the same request before; none where it is new.
    ///
    /// Without D1 only stops and resumes are known, and only they go on.
    pub(super) async fn answered(&self, asked: &Asked) -> Result<Option<Response>, Fault> {
        let known = match last::answered(&self.sql, &asked.key)? {
            Some(known) => Some(known),
            None => match in_time(SWITCH_WAIT_MS, audit::answered(&self.env, &asked.key)).await {
                Ok(known) => known,
                Err(error) => {
                    worker::console_error!("D1: {error}");
                    None
                }
            },
        };
        known.map(|known| replayed(&known, asked)).transpose()
    }
}

fn replayed(known: &Answered, asked: &Asked) -> Answer {
    if known.request != asked.fingerprint {
        let why = "header Idempotency-Key was used for another request; each request needs a key of its own";
        return Err(Fault::OtherRequest(why.into()));
    }
    let body = JSON::parse(&known.answer).unwrap_or_default();
    let revision = Reflect::get(&body, &"revision".into()).ok().and_then(|revision| revision.as_f64());
    let response = match revision {
        Some(revision) => tagged(known.answer.clone(), known.status, revision as u64)?,
        None => json_text(known.answer.clone(), known.status)?,
    };
    response.headers().set("idempotency-replayed", "true")?;
    Ok(response)
}

/// An answer with its revision as the entity tag.
pub fn tagged(answer: String, status: u16, revision: u64) -> Answer {
    let response = json_text(answer, status)?;
    response.headers().set("etag", &format!("\"{revision}\""))?;
    Ok(response)
}
