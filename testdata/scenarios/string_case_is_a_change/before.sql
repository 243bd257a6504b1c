CREATE TABLE t(id INTEGER PRIMARY KEY, kind TEXT DEFAULT 'new', CHECK (kind <> 'x'));
CREATE VIEW v AS SELECT 'open' AS n;
CREATE INDEX i ON t(id) WHERE kind = 'a  b';
