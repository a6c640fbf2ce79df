-- Conversions by the hour of their exposure and the whole hours until the first sale, over all arms: running totals of
-- every ledger shard. A conversion that was given back is taken out again.
CREATE TABLE IF NOT EXISTS delays (
  experiment TEXT NOT NULL,
  hour INTEGER NOT NULL,
  delay_h INTEGER NOT NULL,
  source TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  conversions INTEGER NOT NULL,
  PRIMARY KEY (experiment, hour, delay_h, source)
) WITHOUT ROWID;

-- What the policy looked at when it made the allocation, as the snapshot carries it; NULL before this migration.
ALTER TABLE epochs ADD COLUMN input BLOB;
