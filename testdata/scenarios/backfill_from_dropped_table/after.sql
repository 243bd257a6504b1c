CREATE TABLE birds(
  id INTEGER PRIMARY KEY,
  name TEXT,
  -- whimbrel: backfill coalesce((SELECT grams FROM weights WHERE bird = birds.id), 0)
  weight REAL NOT NULL
);
