CREATE TABLE t(id integer PRIMARY KEY, n integer, at timestamp);
CREATE VIEW a AS SELECT id, n FROM t;
CREATE VIEW b AS SELECT n + 1 AS next FROM a;
CREATE VIEW c AS SELECT count(*) AS c FROM t;
