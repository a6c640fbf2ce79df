//! What a shard knows of single exposures, for the log of decisions. Nothing is changed by it.

use worker::{Result, SqlStorage};

use crate::rows::{Row, execute};

/// Accounts that are looked at for one page, whoever's they are: so a page takes no longer than this.
const ACCOUNTS_PER_PAGE: i64 = 2_000;

/// An exposure with what came of it.
pub struct Shown {
    /// Its id.
    pub id: String,
    /// Name of the arm, `holdout` or `negative`.
    pub arm: String,
    /// The allocation that it was decided under.
    pub epoch: u32,
    /// Hour of the decision, since 1970-01-01 UTC.
    pub hour: u32,
    /// Whether it sold, and what is left of that.
    pub is_converted: bool,
    /// Net revenue.
    pub revenue_minor: i64,
    /// Net cost.
    pub cost_minor: i64,
}

impl Shown {
    /// Reads a line of a page.
    pub fn read(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let mut text = || fields.next();
        Some(Self {
            id: text()?.into(),
            arm: text()?.into(),
            epoch: text()?.parse().ok()?,
            hour: text()?.parse().ok()?,
            is_converted: text()? == "1",
            revenue_minor: text()?.parse().ok()?,
            cost_minor: text()?.parse().ok()?,
        })
    }
}

/// Exposures of an experiment with ids after this one, in the order of their ids, a line each. The first line is the id
/// from which the next page goes on; empty at the end.
pub(super) fn page(sql: &SqlStorage, experiment: &str, after: &str) -> Result<String> {
    let next = "SELECT id FROM accounts WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?";
    let last = execute(sql, next, &[after.into(), (ACCOUNTS_PER_PAGE - 1).into()])?;
    let last = last.first().map(|row| row.text(0)).transpose()?;
    let accounts = "SELECT id, arm, epoch, hour, converted, revenue_minor, cost_minor FROM accounts \
                    WHERE id > ?1 AND (?2 = '' OR id <= ?2) AND experiment = ?3 AND exposed = 1 ORDER BY id";
    let to = last.as_deref().unwrap_or_default();
    let mut page = String::from(to);
    for row in execute(sql, accounts, &[after.into(), to.into(), experiment.into()])? {
        page.push('\n');
        page.push_str(&line(&row)?);
    }
    Ok(page)
}

fn line(row: &Row) -> Result<String> {
    let (id, arm) = (row.text(0)?, row.text(1)?);
    let mut line = format!("{id}\t{arm}");
    for column in 2..7 {
        line.push_str(&format!("\t{}", row.integer(column)?));
    }
    Ok(line)
}
