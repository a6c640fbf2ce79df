//! What a shard tells the central store: the running totals that it does not have yet.

use worker::Result;

use super::Ledger;
use crate::central::{self, Report};
use crate::rows::{execute, only};

/// Rows in one statement of a report.
const ROWS_PER_STATEMENT: i64 = 1_000;

/// The rows that the central store does not have yet, as JSON lists which its SQLite reads.
const OPEN_CELLS: &str = "SELECT json_group_array(json_object('experiment', experiment, 'arm', arm, 'epoch', epoch, \
    'hour', hour, 'exposures', exposures, 'conversions', conversions, 'rewards', rewards, 'units', units, \
    'revenue_minor', revenue_minor, 'cost_minor', cost_minor, 'revenue_sq', revenue_sq, 'profit_sq', profit_sq)), \
    COUNT(*) FROM (SELECT * FROM cells WHERE sequence > (SELECT reported FROM progress) \
    ORDER BY experiment, arm, epoch, hour LIMIT ? OFFSET ?)";
const OPEN_DELAYS: &str = "SELECT json_group_array(json_object('experiment', experiment, 'hour', hour, \
    'delay_h', delay_h, 'conversions', conversions)), COUNT(*) \
    FROM (SELECT * FROM delays WHERE sequence > (SELECT reported FROM progress) \
    ORDER BY experiment, hour, delay_h LIMIT ? OFFSET ?)";
const OPEN_ITEMS: &str = "SELECT json_group_array(json_object('experiment', experiment, 'sku', sku, 'arm', arm, \
    'units', units, 'revenue_minor', revenue_minor, 'cost_minor', cost_minor)), COUNT(*) \
    FROM (SELECT * FROM item_cells WHERE sequence > (SELECT reported FROM progress) \
    ORDER BY experiment, sku, arm LIMIT ? OFFSET ?)";

impl Ledger {
    /// Sends every total that the central store does not have yet.
    pub(super) async fn report(&self) -> Result<()> {
        let source = self.state.id().to_string();
        let known = central::known_sequence(&self.env, &source).await?;
        // A store that knows less than it once took was set back: it gets everything again.
        execute(&self.sql, "UPDATE progress SET reported = 0 WHERE reported > ?", &[known.into()])?;
        // Read and advance without an await between: what changes from here on belongs to the next report.
        let progress = "SELECT sequence, exposures, stored, matched FROM progress";
        let progress = only(execute(&self.sql, progress, &[])?)?;
        let report = Report {
            source,
            sequence: progress.integer(0)?,
            exposures: progress.integer(1)?,
            stored: progress.integer(2)?,
            matched: progress.integer(3)?,
            cells: self.open_rows(OPEN_CELLS)?,
            delays: self.open_rows(OPEN_DELAYS)?,
            items: self.open_rows(OPEN_ITEMS)?,
        };
        execute(&self.sql, "UPDATE progress SET sequence = sequence + 1", &[])?;
        central::take_report(&self.env, &report).await?;
        let statement = "UPDATE progress SET reported = MAX(reported, ?)";
        execute(&self.sql, statement, &[report.sequence.into()]).map(drop)
    }

    fn open_rows(&self, query: &str) -> Result<Vec<String>> {
        let mut lists = Vec::new();
        loop {
            let from = lists.len() as i64 * ROWS_PER_STATEMENT;
            let row = only(execute(&self.sql, query, &[ROWS_PER_STATEMENT.into(), from.into()])?)?;
            if row.integer(1)? == 0 {
                return Ok(lists);
            }
            lists.push(row.text(0)?);
        }
    }

    /// Whether something changed that the central store does not have yet.
    pub(super) fn is_open(&self) -> Result<bool> {
        let query = "SELECT 1 FROM cells WHERE sequence > (SELECT reported FROM progress) LIMIT 1";
        Ok(!execute(&self.sql, query, &[])?.is_empty())
    }
}
