CREATE SEQUENCE numbers;
CREATE FUNCTION new_code() RETURNS text LANGUAGE sql AS $$ SELECT 'c' || nextval('numbers')::text $$;
CREATE FUNCTION plain(x text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower(x) $$;
CREATE FUNCTION folded(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN plain(x); END $$;
CREATE FUNCTION is_plain(x text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN plain(x) = x; END $$;
CREATE DOMAIN code AS text CHECK (is_plain(VALUE));
CREATE TABLE t(
  id integer PRIMARY KEY,
  name text,
  code code NOT NULL DEFAULT new_code(),
  CONSTRAINT plain_name CHECK (is_plain(name))
);
CREATE INDEX t_folded ON t (folded(name));
CREATE TABLE u(id integer PRIMARY KEY, code code NOT NULL DEFAULT new_code());
CREATE MATERIALIZED VIEW m AS SELECT folded(name) AS name FROM t;
