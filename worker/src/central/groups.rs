//! The groups of the experiments that were started, as they were drawn.

use haggle::Groups;
use worker::{D1PreparedStatement, Env, Result};

use super::database;
use crate::http::Fault;
use crate::rows::{prepare, query};

/// Members in one row: about 100 KB.
const PART_MEMBERS: usize = 500;

/// The groups of an experiment; empty where it prices one item or was not started.
pub async fn read(env: &Env, experiment: &str) -> std::result::Result<Groups, Fault> {
    let sql = "SELECT members FROM groups WHERE experiment = ?1 ORDER BY part";
    let rows = query(&database(env)?, sql, &[experiment.into()]).await?;
    let parts = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<String>>>()?;
    Ok(Groups::read_parts(parts.iter().map(String::as_str))?)
}

/// Stores groups in place of those that were there.
pub fn write(env: &Env, experiment: &str, groups: &Groups) -> Result<Vec<D1PreparedStatement>> {
    let db = database(env)?;
    let mut changes = vec![prepare(&db, "DELETE FROM groups WHERE experiment = ?1", &[experiment.into()])?];
    for (part, members) in (0u64..).zip(groups.write_parts(PART_MEMBERS)) {
        let sql = "INSERT INTO groups (experiment, part, members) VALUES (?1, ?2, ?3)";
        changes.push(prepare(&db, sql, &[experiment.into(), part.into(), members.as_str().into()])?);
    }
    Ok(changes)
}

/// The keys of all items that one of these experiments has groups with, beside its name.
pub async fn items_of(env: &Env, experiments: &[String]) -> Result<Vec<(String, String)>> {
    let mut items = Vec::new();
    for name in experiments {
        let sql = "SELECT m.value->>'sku' FROM groups, json_each(members) AS m WHERE experiment = ?1";
        for row in query(&database(env)?, sql, &[name.as_str().into()]).await? {
            items.push((row.text(0)?, name.clone()));
        }
    }
    Ok(items)
}
