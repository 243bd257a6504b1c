CREATE TABLE rings(
  code,
  -- whimbrel: backfill code
  id INTEGER PRIMARY KEY
);
CREATE TABLE words(
  word TEXT PRIMARY KEY,
  place,
  -- whimbrel: backfill place
  first TEXT NOT NULL
) WITHOUT ROWID;
