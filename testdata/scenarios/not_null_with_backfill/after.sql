CREATE TABLE bands(
  id INTEGER PRIMARY KEY,
  code TEXT NOT NULL -- whimbrel: backfill 'band-' || id
);
