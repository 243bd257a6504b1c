CREATE TABLE t(id integer PRIMARY KEY, a text);
CREATE TABLE u(id integer PRIMARY KEY);
