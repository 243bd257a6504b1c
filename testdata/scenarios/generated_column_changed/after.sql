CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b INT, total INT AS (a * b), twice INT AS (b * 2) STORED);
