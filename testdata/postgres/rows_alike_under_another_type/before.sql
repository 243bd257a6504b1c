CREATE TABLE t(id integer PRIMARY KEY, price text UNIQUE, code text, name text);
CREATE UNIQUE INDEX t_code ON t (code);
CREATE UNIQUE INDEX t_name ON t (name);
CREATE TABLE u(id integer PRIMARY KEY, n integer UNIQUE);
