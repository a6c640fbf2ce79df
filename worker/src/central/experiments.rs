//! The experiments in the central store, with where each is in its life.

use haggle::Experiment;
use haggle::lifecycle::State;
use worker::{D1PreparedStatement, Env, Result};

use super::database;
use crate::clock;
use crate::http::Fault;
use crate::rows::{Row, prepare, query, texts};

/// An experiment as it is stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its name.
    pub name: String,
    /// Grows with every change.
    pub revision: u64,
    /// Where it is in its life.
    pub state: State,
    /// The kill switch: catalogue prices for all.
    pub is_stopped: bool,
    /// What it is now, in JSON.
    pub definition: String,
    /// When it was started; 0 before.
    pub started_at_ms: u64,
    /// The arm that was decided for.
    pub decided: Option<String>,
}

impl Stored {
    /// What it is now.
    ///
    /// # Errors
    /// It was written by a release that knows more.
    pub fn experiment(&self) -> std::result::Result<Experiment, Fault> {
        Ok(Experiment::from_json(&self.definition)?)
    }
}

const STORED: &str = "SELECT name, revision, state, stopped, definition, COALESCE(started_at_ms, 0), \
                      COALESCE(decision->>'arm', '') FROM experiments";

fn stored(row: &Row) -> Result<Stored> {
    let state = row.text(2)?;
    let unknown = || worker::Error::RustError(format!("unknown state {state}"));
    Ok(Stored {
        name: row.text(0)?,
        revision: row.count(1)?,
        state: State::from_name(&state).ok_or_else(unknown)?,
        is_stopped: row.integer(3)? != 0,
        definition: row.text(4)?,
        started_at_ms: row.count(5)?,
        decided: Some(row.text(6)?).filter(|arm| !arm.is_empty()),
    })
}

/// The experiment of this name, if there is one.
pub async fn find(env: &Env, name: &str) -> Result<Option<Stored>> {
    let sql = format!("{STORED} WHERE name = ?1");
    query(&database(env)?, &sql, &[name.into()]).await?.first().map(stored).transpose()
}

/// The experiment of this name.
///
/// # Errors
/// There is none, or the central store does not answer.
pub async fn known(env: &Env, name: &str) -> std::result::Result<Stored, Fault> {
    find(env, name).await?.ok_or_else(|| unknown(name))
}

/// There is no experiment of this name.
pub fn unknown(name: &str) -> Fault {
    Fault::NotFound(format!("no experiment {name}"))
}

/// The experiments that are in the snapshot, in the order of their names.
pub async fn live(env: &Env) -> Result<Vec<Stored>> {
    let sql = format!("{STORED} WHERE state IN ('running', 'paused', 'decided') ORDER BY name");
    query(&database(env)?, &sql, &[]).await?.iter().map(stored).collect()
}

/// An experiment as the API shows it.
pub const VIEW: &str = "SELECT json_object('name', name, 'state', state, 'stopped', json(iif(stopped, 'true', 'false')), \
    'revision', revision, 'created_at_ms', created_at_ms, 'started_at_ms', started_at_ms, 'decided_at_ms', decided_at_ms, \
    'archived_at_ms', archived_at_ms, 'definition', json(definition), 'original', json(original), \
    'groups', json_object('positive', positive, 'negative', negative), 'decision', json(decision)) FROM experiments";

/// An experiment as the text of the answer, with its revision and the mismatches of its items by day since it began;
/// none of that name.
pub async fn experiment_json(env: &Env, name: &str) -> Result<Option<(u64, String)>> {
    const MISMATCHES: &str = "SELECT json_group_array(json_object('day', date(day * 86400, 'unixepoch'), \
        'surface', surface, 'kind', kind, 'count', count)) FROM (SELECT day, surface, kind, SUM(count) AS count FROM mismatches \
        WHERE (sku = e.definition->>'$.item.sku' OR sku IN (SELECT m.value->>'sku' FROM groups AS g, json_each(g.members) AS m \
          WHERE g.experiment = e.name)) \
        AND day BETWEEN COALESCE(e.started_at_ms, e.created_at_ms) / 86400000 AND COALESCE(e.archived_at_ms, ?2) / 86400000 \
        GROUP BY day, surface, kind ORDER BY day DESC, surface, kind)";
    let sql = format!(
        "SELECT revision, json_set(({VIEW} WHERE name = ?1), '$.mismatches', json(({MISMATCHES}))) \
         FROM experiments AS e WHERE name = ?1"
    );
    let rows = query(&database(env)?, &sql, &[name.into(), clock::now_ms().into()]).await?;
    rows.first().map(|row| Ok((row.count(0)?, row.text(1)?))).transpose()
}

/// All experiments as the text of the answer, those that are live first.
pub async fn experiments_json(env: &Env) -> Result<String> {
    let sql = "SELECT json_object('name', name, 'state', state, \
                 'stopped', json(iif(stopped, 'true', 'false')), 'revision', revision, \
                 'unit', COALESCE(definition->>'unit', 'visitor'), 'items', positive + negative, \
                 'objective', definition->>'objective', 'created_at_ms', created_at_ms, 'started_at_ms', started_at_ms, \
                 'end_ms', unixepoch(definition->>'end') * 1000, 'decided_at_ms', decided_at_ms, \
                 'archived_at_ms', archived_at_ms, 'decision', json(decision), 'definition', json(definition)) \
               FROM experiments ORDER BY CASE state WHEN 'draft' THEN 1 WHEN 'archived' THEN 2 ELSE 0 END, name";
    let experiments = texts(query(&database(env)?, sql, &[]).await?)?.join(",");
    Ok(format!(r#"{{"experiments":[{experiments}]}}"#))
}

/// Stores a new draft; `definition` is the JSON text that it was read from.
pub fn add(env: &Env, name: &str, definition: &str, now_ms: u64) -> Result<D1PreparedStatement> {
    let sql = "INSERT INTO experiments (name, revision, state, definition, created_at_ms) VALUES (?1, 1, 'draft', ?2, ?3)";
    prepare(&database(env)?, sql, &[name.into(), definition.into(), now_ms.into()])
}

/// Replaces the definition: that of a draft, or what an intervention has made of one.
pub fn redefine(env: &Env, name: &str, definition: &str) -> Result<D1PreparedStatement> {
    let sql = "UPDATE experiments SET definition = ?2, revision = revision + 1 WHERE name = ?1";
    prepare(&database(env)?, sql, &[name.into(), definition.into()])
}

/// Deletes a draft.
pub fn delete_draft(env: &Env, name: &str) -> Result<D1PreparedStatement> {
    prepare(&database(env)?, "DELETE FROM experiments WHERE name = ?1 AND state = 'draft'", &[name.into()])
}

/// Starts a draft with these numbers of items; what it is then is kept as the original.
pub fn start(
    env: &Env,
    name: &str,
    definition: &str,
    items: [u64; 2],
    now_ms: u64,
) -> Result<D1PreparedStatement> {
    let sql = "UPDATE experiments SET state = 'running', definition = ?2, original = ?2, positive = ?3, negative = ?4, \
               started_at_ms = ?5, revision = revision + 1 WHERE name = ?1";
    let [positive, negative] = items;
    let values = [name.into(), definition.into(), positive.into(), negative.into(), now_ms.into()];
    prepare(&database(env)?, sql, &values)
}

/// Pauses an experiment, or lets it go on; whether it is stopped stands beside that.
pub fn set_state(env: &Env, name: &str, state: State) -> Result<D1PreparedStatement> {
    let sql = "UPDATE experiments SET state = ?2, revision = revision + 1 WHERE name = ?1";
    prepare(&database(env)?, sql, &[name.into(), state.name().into()])
}

/// Sets the kill switch of an experiment; nothing where it is so already.
pub fn set_stopped(env: &Env, name: &str, is_stopped: bool) -> Result<D1PreparedStatement> {
    let sql =
        "UPDATE experiments SET stopped = ?2, revision = revision + 1 WHERE name = ?1 AND stopped <> ?2";
    prepare(&database(env)?, sql, &[name.into(), i64::from(is_stopped).into()])
}

/// Decides an experiment; `decision` is an object in JSON with the arm and the rule.
pub fn decide(env: &Env, name: &str, decision: &str, now_ms: u64) -> Result<D1PreparedStatement> {
    let sql = "UPDATE experiments SET state = 'decided', decision = ?2, decided_at_ms = ?3, revision = revision + 1 \
               WHERE name = ?1";
    prepare(&database(env)?, sql, &[name.into(), decision.into(), now_ms.into()])
}

/// Archives an experiment with its report, which never changes any more.
pub fn archive(env: &Env, name: &str, report: &str, now_ms: u64) -> Result<D1PreparedStatement> {
    let sql = "UPDATE experiments SET state = 'archived', stopped = 0, report = NULLIF(?2, ''), archived_at_ms = ?3, \
               revision = revision + 1 WHERE name = ?1";
    prepare(&database(env)?, sql, &[name.into(), report.into(), now_ms.into()])
}
