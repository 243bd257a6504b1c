CREATE TABLE t(id integer PRIMARY KEY, a integer);
CREATE VIEW v AS SELECT a FROM t;
CREATE FUNCTION f(x integer) RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$;
