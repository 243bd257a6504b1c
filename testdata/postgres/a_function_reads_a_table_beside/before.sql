CREATE TABLE rates(n integer);
CREATE FUNCTION most(of integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT coalesce(max(n), 0) + of FROM public.rates';
CREATE TABLE t(id integer PRIMARY KEY, a integer);
CREATE INDEX t_most ON t (most(a));
CREATE TABLE beside(id integer PRIMARY KEY);
