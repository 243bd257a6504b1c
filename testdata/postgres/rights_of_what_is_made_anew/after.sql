CREATE TABLE t(id integer PRIMARY KEY, a bigint);
CREATE VIEW v AS SELECT a FROM t;
CREATE FUNCTION f(x integer) RETURNS bigint LANGUAGE sql AS $$ SELECT 1::bigint $$;
