CREATE TYPE light AS ENUM ('green', 'red');
CREATE TYPE size AS ENUM ('s', 'm');
CREATE TABLE u(id serial PRIMARY KEY, b text, a text UNIQUE, l light DEFAULT 'green');
CREATE TABLE t(id serial PRIMARY KEY, x text, s size);
CREATE INDEX u_b_idx ON u(b);
CREATE VIEW v AS SELECT b AS a, a AS b FROM u;
