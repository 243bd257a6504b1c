CREATE TABLE t(id INTEGER PRIMARY KEY, n TEXT, kind TEXT AS (typeof(n)) STORED);
CREATE INDEX by_kind ON t(kind);
