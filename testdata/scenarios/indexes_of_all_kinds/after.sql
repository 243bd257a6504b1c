CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, seen TEXT, n INT);
CREATE UNIQUE INDEX changed ON t(name COLLATE BINARY DESC);
CREATE INDEX same ON t(n DESC, name COLLATE NOCASE);
CREATE INDEX by_year ON t(substr(seen, 1, 4));
CREATE UNIQUE INDEX one_of_many ON t(name COLLATE NOCASE) WHERE n > 0;
CREATE INDEX IF NOT EXISTS by_both ON t(lower(name), n) WHERE n IS NOT NULL AND name <> 'it''s; done';
