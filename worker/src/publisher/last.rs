//! What the Publisher itself remembers, in its own SQLite: what is stopped or held, who did that, and the snapshot that
//! it put last.
//!
//! With it prices stop and go on while the central store is down, and versions grow even where that has lost some. A
//! value has at most 2 MB there, so a snapshot stands in parts.

use worker::{Result, SqlStorage};

use crate::central::audit::{Answered, Record};
use crate::rows::{Bound, execute};

/// What is stopped, and the version that was given away last.
#[derive(Default)]
pub struct Last {
    /// Nobody is to be priced.
    pub is_stopped: bool,
    /// An older content was published, and stays until somebody resumes.
    pub is_held: bool,
    /// Names of the experiments that are stopped by themselves.
    pub stopped: Vec<String>,
    /// The highest version that was given away; 0 before the first.
    pub version: u64,
}

/// Bytes of a snapshot in one row.
const PART_BYTES: usize = 1_500_000;

/// Stops and resumes that are known by their keys after they were recorded in D1.
const KEYS_KEPT: u64 = 1000;

/// Makes the tables where there are none.
pub fn prepare(sql: &SqlStorage) -> Result<()> {
    let last = "CREATE TABLE IF NOT EXISTS last (one INTEGER PRIMARY KEY CHECK (one = 1), stopped INTEGER NOT NULL, \
                version INTEGER NOT NULL, bytes BLOB NOT NULL)";
    let first = "INSERT OR IGNORE INTO last VALUES (1, 0, 0, x'')";
    let parts = "CREATE TABLE IF NOT EXISTS parts (part INTEGER PRIMARY KEY, bytes BLOB NOT NULL)";
    // An empty name: that an older content is held.
    let stopped = "CREATE TABLE IF NOT EXISTS stopped (experiment TEXT PRIMARY KEY) WITHOUT ROWID";
    let done = "CREATE TABLE IF NOT EXISTS done (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, \
                action TEXT NOT NULL, experiment TEXT NOT NULL, reason TEXT NOT NULL, before TEXT NOT NULL, \
                after TEXT NOT NULL, key TEXT NOT NULL UNIQUE, request TEXT NOT NULL, status INTEGER NOT NULL, \
                answer TEXT NOT NULL, recorded INTEGER NOT NULL DEFAULT 0)";
    [last, first, parts, stopped, done].iter().try_for_each(|statement| sql.exec(statement, None).map(drop))
}

/// The snapshot that was put last; empty before the first.
pub fn snapshot(sql: &SqlStorage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for statement in ["SELECT bytes FROM last", "SELECT bytes FROM parts ORDER BY part"] {
        for part in execute(sql, statement, &[])? {
            bytes.append(&mut part.bytes(0)?);
        }
    }
    Ok(bytes)
}

/// What is remembered beside the snapshot.
pub fn read(sql: &SqlStorage) -> Result<Last> {
    let rows = execute(sql, "SELECT stopped, version FROM last", &[])?;
    let Some(row) = rows.first() else { return Ok(Last::default()) };
    let (is_stopped, version) = (row.integer(0)? != 0, row.count(1)?);
    let names = execute(sql, "SELECT experiment FROM stopped ORDER BY experiment", &[])?;
    let names = names.iter().map(|row| row.text(0)).collect::<Result<Vec<String>>>()?;
    let is_held = names.iter().any(String::is_empty);
    let stopped = names.into_iter().filter(|name| !name.is_empty()).collect();
    Ok(Last { is_stopped, is_held, stopped, version })
}

/// Remembers that all prices are stopped, or that they are not.
pub fn set_stopped(sql: &SqlStorage, is_stopped: bool) -> Result<()> {
    execute(sql, "UPDATE last SET stopped = ?", &[i64::from(is_stopped).into()]).map(drop)
}

/// Remembers that an older content is held, or that it is not.
pub fn set_held(sql: &SqlStorage, is_held: bool) -> Result<()> {
    set_one_stopped(sql, "", is_held)
}

/// Remembers that an experiment is stopped, or that it is not.
pub fn set_one_stopped(sql: &SqlStorage, experiment: &str, is_stopped: bool) -> Result<()> {
    let statement = match is_stopped {
        true => "INSERT OR IGNORE INTO stopped VALUES (?)",
        false => "DELETE FROM stopped WHERE experiment = ?",
    };
    execute(sql, statement, &[experiment.into()]).map(drop)
}

/// Remembers the snapshot that is put now.
pub fn set_snapshot(sql: &SqlStorage, version: u64, bytes: &[u8]) -> Result<()> {
    let mut parts = bytes.chunks(PART_BYTES);
    let first = Bound::Blob(parts.next().unwrap_or_default());
    execute(sql, "UPDATE last SET version = ?, bytes = ?", &[version.into(), first])?;
    execute(sql, "DELETE FROM parts", &[])?;
    for (part, bytes) in (1u64..).zip(parts) {
        execute(sql, "INSERT INTO parts VALUES (?, ?)", &[part.into(), Bound::Blob(bytes)])?;
    }
    Ok(())
}

/// Gives a version away: what is published after this has a higher one.
pub fn reserve(sql: &SqlStorage, version: u64) -> Result<()> {
    execute(sql, "UPDATE last SET version = MAX(version, ?)", &[version.into()]).map(drop)
}

/// Remembers what was done without D1, until it is recorded there.
pub fn add_done(sql: &SqlStorage, record: &Record) -> Result<()> {
    let statement = "INSERT OR IGNORE INTO done (at_ms, who, action, experiment, reason, before, after, key, request, \
                     status, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let mut values = record.values();
    values.push(record.answer.as_deref().unwrap_or_default().into());
    execute(sql, statement, &values)?;
    let old = "DELETE FROM done WHERE recorded = 1 AND id <= (SELECT MAX(id) FROM done) - ?";
    execute(sql, old, &[KEYS_KEPT.into()]).map(drop)
}

/// What was done and is not recorded yet, the oldest first.
pub fn not_recorded(sql: &SqlStorage) -> Result<Vec<Record>> {
    let statement = "SELECT at_ms, who, action, experiment, reason, before, after, key, request, status, answer \
                     FROM done WHERE recorded = 0 ORDER BY id";
    let mut records = Vec::new();
    for row in execute(sql, statement, &[])? {
        records.push(Record {
            at_ms: row.count(0)?,
            who: row.text(1)?,
            action: row.text(2)?,
            experiment: row.text(3)?,
            reason: row.text(4)?,
            before: row.text(5)?,
            after: row.text(6)?,
            key: row.text(7)?,
            request: row.text(8)?,
            status: row.count(9)? as u16,
            answer: Some(row.text(10)?),
        });
    }
    Ok(records)
}

/// Remembers that it is recorded.
pub fn set_recorded(sql: &SqlStorage, key: &str) -> Result<()> {
    execute(sql, "UPDATE done SET recorded = 1 WHERE key = ?", &[key.into()]).map(drop)
}

/// What was answered to the request with this key.
pub fn answered(sql: &SqlStorage, key: &str) -> Result<Option<Answered>> {
    let rows = execute(sql, "SELECT request, status, answer FROM done WHERE key = ?", &[key.into()])?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Answered { request: row.text(0)?, status: row.count(1)? as u16, answer: row.text(2)? }))
}
