CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b INT, total INT AS (a + "b"), CHECK (t.a < "t".b));
