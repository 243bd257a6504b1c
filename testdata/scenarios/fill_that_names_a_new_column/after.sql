CREATE TABLE words(
  id INTEGER PRIMARY KEY, word TEXT,
  plural TEXT DEFAULT 'none',
  both TEXT -- whimbrel: backfill word || ' or ' || "plural"
);
CREATE INDEX words_word ON words(word);
