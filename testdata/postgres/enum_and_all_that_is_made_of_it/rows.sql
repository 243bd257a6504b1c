INSERT INTO t VALUES (1, 'a', '{a,c}', 'b', 'b', ROW('c', 2), 'text', 'c');
REVOKE USAGE ON TYPE e FROM PUBLIC;
GRANT USAGE ON TYPE e TO pg_monitor;
GRANT USAGE ON TYPE d TO pg_monitor;
