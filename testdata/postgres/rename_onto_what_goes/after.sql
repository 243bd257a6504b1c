CREATE TABLE t(id integer, b text);
CREATE TABLE old(id integer, v text);
