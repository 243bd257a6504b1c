CREATE TABLE t(id integer PRIMARY KEY, price numeric UNIQUE, code numeric, name varchar(10));
CREATE UNIQUE INDEX t_code ON t (code);
CREATE UNIQUE INDEX t_name ON t (name);
CREATE TABLE u(id bigint PRIMARY KEY, n bigint UNIQUE);
