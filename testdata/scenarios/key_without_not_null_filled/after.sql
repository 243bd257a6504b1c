CREATE TABLE rings(
  id INTEGER PRIMARY KEY, -- whimbrel: backfill 100 + rowid
  bird TEXT
);
CREATE TABLE places(
  name TEXT, -- whimbrel: backfill 'where the ' || bird || ' was'
  bird TEXT,
  PRIMARY KEY (name)
) WITHOUT ROWID;
