CREATE TABLE t(
  id INTEGER PRIMARY KEY, note TEXT,
  number INTEGER -- whimbrel: backfill note
) STRICT;
