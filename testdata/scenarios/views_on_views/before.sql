CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, n INT, old INT);
CREATE VIEW base(who, many, old) AS SELECT name, n, old FROM t;
CREATE VIEW upper_base AS SELECT upper(who) AS who, many FROM base;
CREATE VIEW top AS WITH x AS (SELECT * FROM upper_base) SELECT who, sum(many) AS many FROM x GROUP BY who;
