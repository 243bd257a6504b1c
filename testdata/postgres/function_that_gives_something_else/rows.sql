INSERT INTO t(id, d) VALUES (1, 1), (2, 2);
INSERT INTO p VALUES (1);
GRANT SELECT (g) ON t TO pg_monitor;
