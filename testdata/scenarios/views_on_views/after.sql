CREATE VIEW top AS WITH x AS (SELECT * FROM upper_base) SELECT who, sum(many) AS many FROM x GROUP BY who;
CREATE VIEW upper_base AS SELECT upper(who) AS who, many FROM base;
CREATE VIEW base(who, many) AS SELECT name, n FROM t;
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, n INT NOT NULL);
