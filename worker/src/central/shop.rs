//! What the central store knows of the shop itself: its site, and where its pages do not show the catalogue price.

use worker::{D1PreparedStatement, Env, Result};

use super::database;
use crate::mismatches::Mismatches;
use crate::rows::{Bound, Row, prepare, query};

/// The site as it was accepted; none for the empty one.
pub async fn site(env: &Env) -> Result<Option<String>> {
    let rows = query(&database(env)?, "SELECT definition FROM site", &[]).await?;
    rows.first().map(|row| row.text(0)).transpose()
}

/// Stores a site that was validated, as the JSON text that it was read from.
pub fn site_change(env: &Env, definition: &str, now_ms: u64) -> Result<D1PreparedStatement> {
    let sql = "INSERT INTO site (one, definition, changed_at_ms) VALUES (1, ?1, ?2) \
               ON CONFLICT (one) DO UPDATE SET definition = excluded.definition, changed_at_ms = excluded.changed_at_ms";
    prepare(&database(env)?, sql, &[definition.into(), now_ms.into()])
}

/// Days for which mismatches are kept.
const DAYS_KEPT: u64 = 30;
const DAY_MS: u64 = 86_400_000;

/// Adds what was counted since the last time to the counts of today.
pub async fn add_mismatches(env: &Env, mismatches: &[Mismatches], now_ms: u64) -> Result<()> {
    const ADD: &str = "\
        INSERT INTO mismatches (sku, surface, kind, day, count) \
        SELECT v->>'sku', v->>'surface', v->>'kind', ?2, v->>'count' FROM (SELECT value AS v FROM json_each(?1)) WHERE true \
        ON CONFLICT (sku, surface, kind, day) DO UPDATE SET count = count + excluded.count";
    let db = database(env)?;
    let (list, today) = (serde_json::to_string(mismatches)?, now_ms / DAY_MS);
    let add = prepare(&db, ADD, &[list.as_str().into(), today.into()])?;
    let old = today.saturating_sub(DAYS_KEPT);
    let forget = prepare(&db, "DELETE FROM mismatches WHERE day < ?1", &[old.into()])?;
    db.batch(vec![add, forget]).await.map(drop)
}

/// Days of mismatches that health sums up, the last of which is today.
const DAYS_SHOWN: u64 = 7;

/// Mismatches of the last week by item, surface and kind, the most frequent first, at most a hundred.
pub async fn mismatches(env: &Env, now_ms: u64) -> Result<Vec<Mismatches>> {
    let sql = "SELECT sku, surface, kind, SUM(count) FROM mismatches WHERE day > ?1 \
               GROUP BY sku, surface, kind ORDER BY 4 DESC, 1, 2, 3 LIMIT 100";
    let before = (now_ms / DAY_MS).saturating_sub(DAYS_SHOWN);
    let rows = query(&database(env)?, sql, &[Bound::from(before)]).await?;
    let read = |row: &Row| {
        let (sku, surface, kind) = (row.text(0)?, row.text(1)?, row.text(2)?);
        Ok(Mismatches { sku, surface, kind, count: row.count(3)? })
    };
    rows.iter().map(read).collect()
}
