//! What was published: epochs with what opened them, and snapshots.

use haggle::Snapshot;
use serde::Serialize;
use worker::{Env, Result};

use super::{database, number};
use crate::http::Fault;
use crate::rows::{Bound, only, prepare, query};

/// One arm of a published allocation, and the counts that it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EpochArm {
    /// Name of the arm.
    pub arm: String,
    /// Share out of 65536.
    pub share: u32,
    /// Exposures that the posterior knew.
    pub exposures: u64,
    /// Conversions that the posterior knew.
    pub conversions: u64,
}

/// A published allocation.
#[derive(Debug, Clone)]
pub struct Epoch {
    /// Name of the experiment.
    pub experiment: String,
    /// Its number, from 1.
    pub number: u32,
    /// When it was opened.
    pub opened_at_ms: u64,
    /// Fingerprint of the experiment as it was then.
    pub definition: String,
    /// The arms in the order of the experiment.
    pub arms: Vec<EpochArm>,
    /// Where items are randomised, the arms that begin with it: lists in JSON of `[sku, unit, arm]`. Not read again with
    /// the epoch.
    pub assignments: Vec<String>,
    /// A snapshot of this experiment alone, which has all that the policy looked at; empty where the release that
    /// opened it did not keep it.
    pub input: Vec<u8>,
}

/// The newest allocation of every live experiment.
pub async fn newest_epochs(env: &Env) -> Result<Vec<Epoch>> {
    // CROSS JOIN is SQLite's word for this order: else it reads every epoch there ever was, each minute.
    let sql = "SELECT experiment, epoch, opened_at_ms, a.value->>'arm', a.value->>'share', a.value->>'exposures', \
                 a.value->>'conversions', CASE a.key WHEN 0 THEN hex(input) ELSE '' END, definition \
               FROM (SELECT name, (SELECT MAX(epoch) FROM epochs WHERE experiment = name) AS newest FROM experiments \
                     WHERE state IN ('running', 'paused', 'decided')) AS x \
               CROSS JOIN epochs AS e ON e.experiment = x.name AND e.epoch = x.newest, json_each(e.arms) AS a \
               ORDER BY experiment, a.key";
    let mut epochs: Vec<Epoch> = Vec::new();
    for row in query(&database(env)?, sql, &[]).await? {
        let experiment = row.text(0)?;
        let arm = EpochArm {
            arm: row.text(3)?,
            share: number(&row, 4)?,
            exposures: row.count(5)?,
            conversions: row.count(6)?,
        };
        match epochs.last_mut().filter(|epoch| epoch.experiment == experiment) {
            Some(epoch) => epoch.arms.push(arm),
            None => {
                let (number, opened_at_ms) = (number(&row, 1)?, row.count(2)?);
                let input = from_hex(&row.text(7)?);
                let definition = row.text(8)?;
                let (arms, assignments) = (vec![arm], Vec::new());
                epochs.push(Epoch { experiment, number, opened_at_ms, definition, arms, assignments, input });
            }
        }
    }
    Ok(epochs)
}

/// The bytes of what SQLite wrote as hexadecimal digits.
fn from_hex(text: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or_default() as u8;
    text.as_bytes().chunks(2).map(|pair| pair.iter().fold(0, |byte, half| byte << 4 | digit(half))).collect()
}

/// What is known of the publications before this one.
pub struct Newest {
    /// The highest version that was ever published; 0 before the first.
    pub version: u64,
    /// When.
    pub published_at_ms: u64,
    /// Exposures of the running experiments.
    pub exposures: u64,
}

/// The newest publication, and what was counted since.
pub async fn newest(env: &Env) -> Result<Newest> {
    let sql = "SELECT COALESCE(MAX(version), 0), COALESCE(MAX(published_at_ms), 0), \
                 (SELECT COALESCE(SUM(exposures), 0) FROM tallies \
                  WHERE experiment IN (SELECT name FROM experiments WHERE state IN ('running', 'paused', 'decided'))) FROM snapshots";
    let row = only(query(&database(env)?, sql, &[]).await?)?;
    Ok(Newest { version: row.count(0)?, published_at_ms: row.count(1)?, exposures: row.count(2)? })
}

/// What one publication writes, in one transaction.
pub struct Publication<'a> {
    /// Its version; if another publication took it, the whole transaction fails.
    pub version: u64,
    /// When.
    pub now_ms: u64,
    /// The snapshot.
    pub bytes: &'a [u8],
    /// Allocations that begin with it.
    pub opened: Vec<&'a Epoch>,
}

/// Snapshots that are kept for a rollback.
const SNAPSHOTS_KEPT: u64 = 500;

/// Records a publication before it goes to KV.
pub async fn publish(env: &Env, publication: &Publication<'_>) -> Result<()> {
    let db = database(env)?;
    let (version, now_ms) = (publication.version, publication.now_ms);
    let mut batch = Vec::new();
    for (part, bytes) in (0u64..).zip(publication.bytes.chunks(PART_BYTES)) {
        let sql = match part {
            0 => "INSERT INTO snapshots (version, published_at_ms, bytes) VALUES (?1, ?2, ?3)",
            _ => "INSERT INTO snapshot_parts (version, part, bytes) VALUES (?1, ?2, ?3)",
        };
        let second = if part == 0 { now_ms } else { part };
        batch.push(prepare(&db, sql, &[version.into(), second.into(), Bound::Blob(bytes)])?);
    }
    for epoch in &publication.opened {
        let sql = "INSERT INTO epochs (experiment, epoch, version, opened_at_ms, arms, input, definition) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let arms = serde_json::to_string(&epoch.arms)?;
        let number = u64::from(epoch.number);
        let values = [
            epoch.experiment.as_str().into(),
            number.into(),
            version.into(),
            now_ms.into(),
            arms.as_str().into(),
            Bound::Blob(&epoch.input),
            epoch.definition.as_str().into(),
        ];
        batch.push(prepare(&db, sql, &values)?);
        batch.extend(super::sales::assign(&db, &epoch.experiment, epoch.number, &epoch.assignments)?);
    }
    let old = version.saturating_sub(SNAPSHOTS_KEPT);
    for sql in ["DELETE FROM snapshots WHERE version < ?1", "DELETE FROM snapshot_parts WHERE version < ?1"] {
        batch.push(prepare(&db, sql, &[old.into()])?);
    }
    db.batch(batch).await.map(drop)
}

/// Bytes of a snapshot in one row: D1 takes at most 2 MB in a value, also in the text of hexadecimal digits that they are
/// read as.
const PART_BYTES: usize = 900_000;

/// What a version held.
///
/// # Errors
/// It is not kept any more, or is of a format that is not read any more.
pub async fn snapshot(env: &Env, version: u64) -> std::result::Result<Snapshot, Fault> {
    let sql = "SELECT hex(bytes) FROM (SELECT 0 AS part, bytes FROM snapshots WHERE version = ?1 \
               UNION ALL SELECT part, bytes FROM snapshot_parts WHERE version = ?1) ORDER BY part";
    let mut whole = Vec::new();
    for row in query(&database(env)?, sql, &[version.into()]).await? {
        whole.append(&mut from_hex(&row.text(0)?));
    }
    if whole.is_empty() {
        return Err(Fault::NotFound(format!("no snapshot {version} is kept; see /haggle/v1/snapshots")));
    }
    Snapshot::decode(whole).map_err(|why| Fault::Conflict(why.to_string()))
}

/// The last hundred publications as the text of the answer, the newest first.
pub async fn snapshots_json(env: &Env) -> Result<String> {
    let sql = "SELECT json_object('snapshots', json_group_array(json_object('version', version, \
                 'published_at_ms', published_at_ms, 'bytes', length(bytes) + COALESCE((SELECT SUM(length(bytes)) \
                 FROM snapshot_parts AS p WHERE p.version = s.version), 0)))) \
               FROM (SELECT * FROM snapshots ORDER BY version DESC LIMIT 100) AS s";
    only(query(&database(env)?, sql, &[]).await?)?.text(0)
}
