//! What the Publisher itself remembers, in its own SQLite: that prices are stopped, and the snapshot that it put last.
//!
//! With it prices stop and go on while the central store is down, and versions grow even where that has lost some.

use worker::{Result, SqlStorage};

use crate::rows::{Bound, execute};

/// The last snapshot that was put, and whether prices are stopped.
#[derive(Default)]
pub struct Last {
    /// Nobody is to be priced.
    pub is_stopped: bool,
    /// Version of the snapshot; 0 before the first.
    pub version: u64,
    /// The snapshot; empty before the first.
    pub bytes: Vec<u8>,
}

/// Makes the table where there is none.
pub fn prepare(sql: &SqlStorage) -> Result<()> {
    let table = "CREATE TABLE IF NOT EXISTS last (one INTEGER PRIMARY KEY CHECK (one = 1), stopped INTEGER NOT NULL, \
                 version INTEGER NOT NULL, bytes BLOB NOT NULL)";
    let first = "INSERT OR IGNORE INTO last VALUES (1, 0, 0, x'')";
    [table, first].iter().try_for_each(|statement| sql.exec(statement, None).map(drop))
}

/// What is remembered.
pub fn read(sql: &SqlStorage) -> Result<Last> {
    let rows = execute(sql, "SELECT stopped, version, bytes FROM last", &[])?;
    let Some(row) = rows.first() else { return Ok(Last::default()) };
    Ok(Last { is_stopped: row.integer(0)? != 0, version: row.count(1)?, bytes: row.bytes(2)? })
}

/// Remembers that prices are stopped, or that they are not.
pub fn set_stopped(sql: &SqlStorage, is_stopped: bool) -> Result<()> {
    execute(sql, "UPDATE last SET stopped = ?", &[i64::from(is_stopped).into()]).map(drop)
}

/// Remembers the snapshot that is put now.
pub fn set_snapshot(sql: &SqlStorage, version: u64, bytes: &[u8]) -> Result<()> {
    execute(sql, "UPDATE last SET version = ?, bytes = ?", &[version.into(), Bound::Blob(bytes)]).map(drop)
}
