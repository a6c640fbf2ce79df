//! The tables of a ledger shard: what stands in each is said in `ledger`.

/// Statements that make them, and change nothing where they are.
pub(super) const SCHEMA: [&str; 12] = [
    "CREATE TABLE IF NOT EXISTS accounts (id TEXT PRIMARY KEY, experiment TEXT NOT NULL, arm TEXT NOT NULL, \
       epoch INTEGER NOT NULL, hour INTEGER NOT NULL, exposed INTEGER NOT NULL, converted INTEGER NOT NULL, \
       revenue_minor INTEGER NOT NULL, cost_minor INTEGER NOT NULL, forget_at_s INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS rewards (order_id TEXT NOT NULL, line_id TEXT NOT NULL, kind TEXT NOT NULL, \
       refund_id TEXT NOT NULL, account TEXT NOT NULL, units INTEGER NOT NULL, revenue_minor INTEGER NOT NULL, \
       cost_minor INTEGER NOT NULL, matched INTEGER NOT NULL, forget_at_s INTEGER NOT NULL, \
       sku TEXT NOT NULL DEFAULT '', PRIMARY KEY (order_id, line_id, kind, refund_id)) WITHOUT ROWID",
    "DROP INDEX IF EXISTS rewards_waiting",
    "CREATE INDEX IF NOT EXISTS rewards_of_account ON rewards (account)",
    "CREATE INDEX IF NOT EXISTS accounts_over ON accounts (forget_at_s)",
    "CREATE INDEX IF NOT EXISTS rewards_over ON rewards (forget_at_s)",
    "CREATE TABLE IF NOT EXISTS cells (experiment TEXT NOT NULL, arm TEXT NOT NULL, epoch INTEGER NOT NULL, \
       hour INTEGER NOT NULL, exposures INTEGER NOT NULL, conversions INTEGER NOT NULL, rewards INTEGER NOT NULL, \
       units INTEGER NOT NULL, revenue_minor INTEGER NOT NULL, cost_minor INTEGER NOT NULL, revenue_sq TEXT NOT NULL, \
       profit_sq TEXT NOT NULL, sequence INTEGER NOT NULL, \
       PRIMARY KEY (experiment, arm, epoch, hour)) WITHOUT ROWID",
    // Of these totals what each item brought.
    "CREATE TABLE IF NOT EXISTS item_cells (experiment TEXT NOT NULL, sku TEXT NOT NULL, arm TEXT NOT NULL, \
       units INTEGER NOT NULL, revenue_minor INTEGER NOT NULL, cost_minor INTEGER NOT NULL, sequence INTEGER NOT NULL, \
       PRIMARY KEY (experiment, sku, arm)) WITHOUT ROWID",
    // Hours until the first sale of an exposure, and whether that is in `delays` now.
    "CREATE TABLE IF NOT EXISTS first_sales (account TEXT PRIMARY KEY, delay_h INTEGER NOT NULL, \
       counted INTEGER NOT NULL, forget_at_s INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS delays (experiment TEXT NOT NULL, hour INTEGER NOT NULL, delay_h INTEGER NOT NULL, \
       conversions INTEGER NOT NULL, sequence INTEGER NOT NULL, \
       PRIMARY KEY (experiment, hour, delay_h)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL, \
       reported INTEGER NOT NULL, exposures INTEGER NOT NULL, stored INTEGER NOT NULL, matched INTEGER NOT NULL)",
    // `sequence` is that of the next report, `reported` that of the last one which the central store took.
    "INSERT OR IGNORE INTO progress VALUES (1, 1, 0, 0, 0, 0)",
];

/// What fails where a shard of the release before has its lines without their items, and what mends it.
pub(super) const WITH_SKU: [&str; 2] =
    ["SELECT sku FROM rewards LIMIT 0", "ALTER TABLE rewards ADD COLUMN sku TEXT NOT NULL DEFAULT ''"];
