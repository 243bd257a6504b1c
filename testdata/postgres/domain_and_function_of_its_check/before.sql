CREATE TABLE t(id integer PRIMARY KEY, mail text);
