INSERT INTO t(n) VALUES ('a'), ('b'), ('c');
DELETE FROM t WHERE n = 'c';
INSERT INTO down VALUES (1), (-7);
INSERT INTO s VALUES (3);
GRANT USAGE ON SEQUENCE t_id_seq TO pg_monitor;
GRANT USAGE ON SEQUENCE s_id_seq TO pg_monitor;
