CREATE FUNCTION double(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT n * 2 $$;
CREATE TABLE t(id integer PRIMARY KEY, n integer DEFAULT double(2), CHECK (double(n) < 100));
CREATE INDEX t_double ON t(double(n));
CREATE VIEW doubles AS SELECT id, double(n) AS d FROM t;
