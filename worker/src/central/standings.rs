//! Where each experiment stood at the last publication, and the overview of all of them.

use worker::{D1PreparedStatement, Env, Result};

use super::{database, held};
use crate::rows::{Bound, only, prepare, query};

/// When the standing of each experiment was computed last.
pub async fn computed(env: &Env) -> Result<Vec<(String, u64)>> {
    let rows = query(&database(env)?, "SELECT experiment, at_ms FROM standings", &[]).await?;
    rows.iter().map(|row| Ok((row.text(0)?, row.count(1)?))).collect()
}

/// Stores where an experiment stands: `standing` is an object in JSON.
pub fn change(
    env: &Env,
    experiment: &str,
    version: u64,
    at_ms: u64,
    standing: &str,
) -> Result<D1PreparedStatement> {
    let sql =
        "INSERT OR REPLACE INTO standings (experiment, version, at_ms, standing) VALUES (?1, ?2, ?3, ?4)";
    prepare(&database(env)?, sql, &[experiment.into(), version.into(), at_ms.into(), standing.into()])
}

/// Stores these standings in one transaction.
pub async fn store(env: &Env, changes: Vec<D1PreparedStatement>) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    database(env)?.batch(changes).await.map(drop)
}

/// Days of mismatches that the overview sums up, the last of which is today.
const DAYS_SHOWN: u64 = 7;
const DAY_MS: u64 = 86_400_000;

/// What the overview follows from, in short: another overview has another text here.
pub struct Facts {
    /// All of it as one text.
    pub text: String,
    /// An older content is held since a rollback.
    pub is_held: bool,
    /// Experiments that are live.
    pub live: u64,
}

/// What the overview follows from; it reads no standing and no definition.
pub async fn facts(env: &Env, now_ms: u64) -> Result<Facts> {
    // Whatever changes an experiment raises its revision; a draft that is made anew has another time. Within a day,
    // mismatches only grow.
    let sql = concat!(
        "SELECT json_array(COUNT(*), SUM(revision), SUM(created_at_ms), \
           (SELECT json_array(COUNT(*), SUM(version), MAX(at_ms)) FROM standings), \
           (SELECT json_array(CAST(?1 AS INTEGER), COUNT(*), SUM(count)) FROM mismatches WHERE day > ?1)), ",
        held!(),
        ", COALESCE(SUM(state IN ('running', 'paused', 'decided')), 0) FROM experiments"
    );
    let row = only(query(&database(env)?, sql, &[Bound::from(since(now_ms))]).await?)?;
    Ok(Facts { text: row.text(0)?, is_held: row.integer(1)? != 0, live: row.count(2)? })
}

/// The last day whose mismatches do not count any more.
fn since(now_ms: u64) -> u64 {
    (now_ms / DAY_MS).saturating_sub(DAYS_SHOWN)
}

/// One experiment of the overview.
pub struct Line {
    /// Its currency.
    pub currency: String,
    /// All that the overview says of it but for what follows from the currency: an object in JSON.
    pub json: String,
}

/// All experiments for the overview, those that are live first, then drafts: each with where it stood at the last
/// publication and how often prices of its items were found wrong in the last seven days.
pub async fn overview(env: &Env, now_ms: u64) -> Result<Vec<Line>> {
    // Whose items they are is asked only where there are mismatches, and only of what runs. `+sku` is SQLite's word for
    // taking the days by their index, not the items in their order: those are of all days.
    const SQL: &str = "\
        WITH w AS MATERIALIZED (SELECT sku, SUM(count) AS count FROM mismatches WHERE day > ?1 GROUP BY +sku), \
        m AS MATERIALIZED (SELECT name AS experiment, w.count FROM experiments JOIN w ON w.sku = definition->>'$.item.sku' \
            WHERE state <> 'archived' AND EXISTS (SELECT 1 FROM w) \
          UNION ALL SELECT g.experiment, w.count FROM groups AS g JOIN experiments AS e ON e.name = g.experiment, \
            json_each(g.members) AS i JOIN w ON w.sku = i.value->>'sku' \
            WHERE e.state <> 'archived' AND EXISTS (SELECT 1 FROM w)) \
        SELECT definition->>'currency', json_object('name', name, 'state', state, \
          'stopped', json(iif(stopped, 'true', 'false')), 'revision', revision, \
          'unit', COALESCE(definition->>'unit', 'visitor'), 'items', positive + negative, \
          'objective', definition->>'objective', 'currency', definition->>'currency', \
          'hypothesis', definition->>'hypothesis', 'document', definition->>'document', \
          'author', COALESCE(definition->>'author', ''), 'policy', definition->>'$.policy.name', \
          'control', definition->>'control', 'created_at_ms', created_at_ms, 'started_at_ms', started_at_ms, \
          'end_ms', unixepoch(definition->>'end') * 1000, 'decided_at_ms', decided_at_ms, \
          'archived_at_ms', archived_at_ms, 'decision', json(decision), \
          'mismatches', COALESCE((SELECT SUM(count) FROM m WHERE m.experiment = name), 0), \
          'standing', json((SELECT standing FROM standings WHERE standings.experiment = name))) \
        FROM experiments ORDER BY CASE state WHEN 'draft' THEN 1 WHEN 'archived' THEN 2 ELSE 0 END, name";
    let rows = query(&database(env)?, SQL, &[Bound::from(since(now_ms))]).await?;
    rows.iter().map(|row| Ok(Line { currency: row.text(0)?, json: row.text(1)? })).collect()
}
