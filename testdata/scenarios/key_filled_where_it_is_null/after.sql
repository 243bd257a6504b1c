CREATE TABLE rings(
  id INTEGER PRIMARY KEY NOT NULL, -- whimbrel: backfill 100 + rowid
  bird TEXT
);
