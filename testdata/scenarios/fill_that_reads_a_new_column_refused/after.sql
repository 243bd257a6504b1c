CREATE TABLE words(
  id INTEGER PRIMARY KEY, word TEXT,
  plural TEXT, -- whimbrel: backfill word || 's'
  both TEXT -- whimbrel: backfill word || ' or ' || plural
);
