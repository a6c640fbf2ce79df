//! Who did what, when and why: each change stands in one transaction with its record, which also makes it happen once.

use worker::{D1PreparedStatement, Env, Result};

use super::experiments::VIEW;
use super::{database, held};
use crate::rows::{Bound, only, prepare, query, texts};

/// A change that was made, as it is recorded.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// The e-mail address of who is known, else the name that was given.
    pub who: String,
    /// What, in the words of the API.
    pub action: String,
    /// To which experiment; empty: to the whole shop.
    pub experiment: String,
    /// Why.
    pub reason: String,
    /// What changed, as it was: an object in JSON.
    pub before: String,
    /// And as it is.
    pub after: String,
    /// What the request was known by.
    pub key: String,
    /// Fingerprint of the request.
    pub request: String,
    /// Status of the answer.
    pub status: u16,
    /// The answer; none: the view of the experiment after the change.
    pub answer: Option<String>,
}

impl Record {
    /// All but the answer, in the order of the fields.
    pub fn values(&self) -> Vec<Bound<'_>> {
        vec![
            self.at_ms.into(),
            self.who.as_str().into(),
            self.action.as_str().into(),
            self.experiment.as_str().into(),
            self.reason.as_str().into(),
            self.before.as_str().into(),
            self.after.as_str().into(),
            self.key.as_str().into(),
            self.request.as_str().into(),
            u64::from(self.status).into(),
        ]
    }
}

/// What was answered to the request with this key.
pub struct Answered {
    /// Fingerprint of the request.
    pub request: String,
    /// Status of the answer.
    pub status: u16,
    /// The answer.
    pub answer: String,
}

/// The answer to the request with this key; none where none was recorded.
pub async fn answered(env: &Env, key: &str) -> Result<Option<Answered>> {
    let sql = "SELECT request, status, answer FROM audit WHERE idempotency_key = ?1";
    let rows = query(&database(env)?, sql, &[key.into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Answered { request: row.text(0)?, status: row.count(1)? as u16, answer: row.text(2)? }))
}

/// Makes changes and records them, in one transaction, and gives the answer.
///
/// # Errors
/// D1 does not answer, or there is a record with this key.
pub async fn commit(env: &Env, mut changes: Vec<D1PreparedStatement>, record: &Record) -> Result<String> {
    changes.push(insert(env, record, "INSERT")?);
    database(env)?.batch(changes).await?;
    match &record.answer {
        Some(answer) => Ok(answer.clone()),
        None => {
            let sql = "SELECT answer FROM audit WHERE idempotency_key = ?1";
            only(query(&database(env)?, sql, &[record.key.as_str().into()]).await?)?.text(0)
        }
    }
}

/// As [`commit`], for what was done before it is recorded: a record that is there stays as it is.
///
/// # Errors
/// D1 does not answer.
pub async fn commit_done(env: &Env, mut changes: Vec<D1PreparedStatement>, record: &Record) -> Result<()> {
    changes.push(insert(env, record, "INSERT OR IGNORE")?);
    database(env)?.batch(changes).await.map(drop)
}

fn insert(env: &Env, record: &Record, verb: &str) -> Result<D1PreparedStatement> {
    let answer = if record.answer.is_some() { "?11".into() } else { format!("({VIEW} WHERE name = ?4)") };
    let sql = format!(
        "{verb} INTO audit (at_ms, who, action, experiment, reason, before, after, idempotency_key, request, status, \
         answer) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, {answer}"
    );
    let mut values = record.values();
    values.extend(record.answer.as_deref().map(Bound::Text));
    prepare(&database(env)?, &sql, &values)
}

/// Characters of changes after which a page of records ends, even if it has fewer than 500.
const PAGE_CHARS: u64 = 8_000_000;

/// Records after the one with this number, the oldest first and at most 500, as the text of the answer; of one
/// experiment, or of all where none is named.
pub async fn audit_json(env: &Env, experiment: Option<&str>, after: u64) -> Result<String> {
    // Row by row, as SQLite writes no text of more than 2 MB; and at least one, but no more than an isolate has room for.
    let sql = "SELECT json_object('id', id, 'at_ms', at_ms, 'who', who, 'action', action, 'experiment', experiment, \
                 'reason', reason, 'before', json(before), 'after', json(after)) \
               FROM (SELECT *, SUM(length(before) + length(after)) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING \
                   AND 1 PRECEDING) AS chars_before \
                 FROM (SELECT * FROM audit WHERE id > ?1 AND (?2 = '' OR experiment = ?2) ORDER BY id LIMIT 500)) \
               WHERE COALESCE(chars_before, 0) < ?3 ORDER BY id";
    let values = [after.into(), experiment.unwrap_or_default().into(), PAGE_CHARS.into()];
    let records = texts(query(&database(env)?, sql, &values).await?)?.join(",");
    Ok(format!(r#"{{"records":[{records}]}}"#))
}

/// Whether an older content is held since a rollback.
pub async fn is_held(env: &Env) -> Result<bool> {
    let row = only(query(&database(env)?, concat!("SELECT ", held!()), &[]).await?)?;
    Ok(row.integer(0)? != 0)
}
