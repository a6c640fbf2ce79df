-- Where each experiment stood at the last publication while it was live: an object in JSON (docs/report.md), so that an
-- overview of all of them computes nothing. That of an archived experiment stays as it was.
CREATE TABLE IF NOT EXISTS standings (
  experiment TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  standing TEXT NOT NULL
) WITHOUT ROWID;

-- What was wrong on pages in the last days, without reading the older ones.
CREATE INDEX IF NOT EXISTS mismatches_by_day ON mismatches (day, sku, count);
