-- Experiments as a pricing team runs them: drafts, groups, interventions with their audit, sales by item.

-- An experiment's life. `definition` is what it is now, `original` what was started (never changed after that).
CREATE TABLE experiments_4 (
  name TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('draft', 'running', 'paused', 'decided', 'archived')),
  stopped INTEGER NOT NULL DEFAULT 0,
  definition TEXT NOT NULL,
  original TEXT,
  created_at_ms INTEGER NOT NULL,
  started_at_ms INTEGER,
  decided_at_ms INTEGER,
  archived_at_ms INTEGER,
  decision TEXT,
  report TEXT,
  -- Items of its groups.
  positive INTEGER NOT NULL DEFAULT 0,
  negative INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO experiments_4
  SELECT name, 1, CASE state WHEN 'running' THEN 'running' ELSE 'archived' END, 0, definition, definition,
         created_at_ms, created_at_ms, NULL, ended_at_ms, NULL, NULL, 1, 0 FROM experiments;
DROP TABLE experiments;
ALTER TABLE experiments_4 RENAME TO experiments;

-- What the experiment was when the epoch was opened, as a fingerprint: another one opens the next epoch at once.
ALTER TABLE epochs ADD COLUMN definition TEXT NOT NULL DEFAULT '';

-- What of a snapshot is beyond the 0.9 MB that stand in `snapshots`, in parts from 1.
CREATE TABLE IF NOT EXISTS snapshot_parts (
  version INTEGER NOT NULL,
  part INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (version, part)
) WITHOUT ROWID;

-- The catalogue: each item as the JSON that it was pushed in.
CREATE TABLE IF NOT EXISTS catalogue (
  sku TEXT PRIMARY KEY,
  item TEXT NOT NULL,
  changed_at_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- The items of experiments that were started, as JSON lists of members, some hundreds in each part.
CREATE TABLE IF NOT EXISTS groups (
  experiment TEXT NOT NULL,
  part INTEGER NOT NULL,
  members TEXT NOT NULL,
  PRIMARY KEY (experiment, part)
) WITHOUT ROWID;

-- Who did what, when and why. A mutation and its record are one transaction; the key makes it happen once.
CREATE TABLE IF NOT EXISTS audit (
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  who TEXT NOT NULL,
  action TEXT NOT NULL,
  experiment TEXT NOT NULL,
  reason TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  idempotency_key TEXT NOT NULL UNIQUE,
  request TEXT NOT NULL,
  status INTEGER NOT NULL,
  answer TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS audit_of_experiment ON audit (experiment, id);

-- Where items are randomised: the arm of each item of the positive group in each epoch, as its position; `unit` is what
-- was drawn, the item itself or its family.
CREATE TABLE IF NOT EXISTS assignments (
  experiment TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  sku TEXT NOT NULL,
  unit TEXT NOT NULL,
  arm INTEGER NOT NULL,
  PRIMARY KEY (experiment, epoch, sku)
) WITHOUT ROWID;

-- Where items are randomised: order lines by item and hour, each once. What was given back is negative and counts where
-- its line does; of a line with a `cancellation` nothing counts. A `day` line is an item's day of a daily sales file.
CREATE TABLE IF NOT EXISTS sales (
  order_id TEXT NOT NULL,
  line_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  refund_id TEXT NOT NULL,
  sku TEXT NOT NULL,
  hour INTEGER NOT NULL,
  units INTEGER NOT NULL,
  revenue_minor INTEGER NOT NULL,
  cost_minor INTEGER NOT NULL,
  PRIMARY KEY (order_id, line_id, kind, refund_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sales_by_item ON sales (sku, hour);

-- Where visitors are randomised: sums by item and arm, running totals of every ledger shard, for the comparison of the
-- positive with the negative group.
CREATE TABLE IF NOT EXISTS item_tallies (
  experiment TEXT NOT NULL,
  sku TEXT NOT NULL,
  arm TEXT NOT NULL,
  source TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  units INTEGER NOT NULL,
  revenue_minor INTEGER NOT NULL,
  cost_minor INTEGER NOT NULL,
  PRIMARY KEY (experiment, sku, arm, source)
) WITHOUT ROWID;

-- Mismatches by kind: `input` where the shop's page did not hold the catalogue price, `output` where the page that went
-- out did not hold the visitor's.
CREATE TABLE mismatches_4 (
  sku TEXT NOT NULL,
  surface TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('input', 'output')),
  day INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (sku, surface, kind, day)
) WITHOUT ROWID;
INSERT INTO mismatches_4 SELECT sku, surface, 'input', day, count FROM mismatches;
DROP TABLE mismatches;
ALTER TABLE mismatches_4 RENAME TO mismatches;
