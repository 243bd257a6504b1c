CREATE TYPE light AS ENUM ('red', 'green');
CREATE TYPE size AS ENUM ('s', 'm');
CREATE TABLE t(id serial PRIMARY KEY, a text, b text UNIQUE, l light DEFAULT 'red');
CREATE TABLE u(id serial PRIMARY KEY, x text, s size);
CREATE INDEX t_a_idx ON t(a);
CREATE VIEW v AS SELECT a, b FROM t;
