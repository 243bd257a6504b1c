CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, twice INT AS (a * 2) STORED, thrice INT AS (twice + a));
