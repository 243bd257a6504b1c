CREATE TABLE t(
  id INTEGER PRIMARY KEY,
  a TEXT NOT NULL, -- whimbrel: backfill coalesce(b, 'no b')
  b TEXT NOT NULL  -- whimbrel: backfill coalesce(a, 'no a')
);
CREATE INDEX t_a ON t(a);
