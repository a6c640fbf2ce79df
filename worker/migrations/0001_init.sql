-- The central store: what all edge locations know together. Written by worker/src/central.rs only.

-- Experiments as they were accepted; `definition` is the validated JSON.
CREATE TABLE IF NOT EXISTS experiments (
  name TEXT PRIMARY KEY,
  sku TEXT NOT NULL,
  definition TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'ended')),
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS experiments_one_per_sku ON experiments (sku) WHERE state = 'running';

-- Running totals of every ledger shard: a report replaces only what has a lower sequence number.
CREATE TABLE IF NOT EXISTS tallies (
  experiment TEXT NOT NULL,
  arm TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  source TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  exposures INTEGER NOT NULL,
  conversions INTEGER NOT NULL,
  rewards INTEGER NOT NULL,
  units INTEGER NOT NULL,
  revenue_minor INTEGER NOT NULL,
  cost_minor INTEGER NOT NULL,
  revenue_sq TEXT NOT NULL,
  profit_sq TEXT NOT NULL,
  PRIMARY KEY (experiment, arm, epoch, hour, source)
) WITHOUT ROWID;

-- What each shard has stored in all: reward lines stored = matched + waiting for their exposure.
CREATE TABLE IF NOT EXISTS sources (
  source TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL,
  exposures INTEGER NOT NULL,
  stored INTEGER NOT NULL,
  matched INTEGER NOT NULL,
  reported_at_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- Every published allocation: which arms were eligible with which integer share, and the counts it was made from.
CREATE TABLE IF NOT EXISTS epochs (
  experiment TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  version INTEGER NOT NULL,
  opened_at_ms INTEGER NOT NULL,
  arms TEXT NOT NULL,
  PRIMARY KEY (experiment, epoch)
) WITHOUT ROWID;

-- Every publication; the primary key is what makes a version unique.
CREATE TABLE IF NOT EXISTS snapshots (
  version INTEGER PRIMARY KEY,
  published_at_ms INTEGER NOT NULL,
  bytes BLOB NOT NULL
);

-- Totals per arm at publications: written by the first versions, and read by none any more.
CREATE TABLE IF NOT EXISTS history (
  experiment TEXT NOT NULL,
  version INTEGER NOT NULL,
  arm TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  share INTEGER NOT NULL,
  exposures INTEGER NOT NULL,
  conversions INTEGER NOT NULL,
  revenue_minor INTEGER NOT NULL,
  cost_minor INTEGER NOT NULL,
  PRIMARY KEY (experiment, version, arm)
) WITHOUT ROWID;
