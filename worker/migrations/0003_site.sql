-- The site: where prices stand in the shop's pages, as the validated JSON. One row, or none for the empty site.
CREATE TABLE IF NOT EXISTS site (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  definition TEXT NOT NULL,
  changed_at_ms INTEGER NOT NULL
);

-- Surfaces that should have held an item's catalogue price and did not, by day since 1970-01-01 UTC.
CREATE TABLE IF NOT EXISTS mismatches (
  sku TEXT NOT NULL,
  surface TEXT NOT NULL,
  day INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (sku, surface, day)
) WITHOUT ROWID;
