CREATE TABLE t(id integer, a text, b text);
CREATE TABLE old(id integer, v text);
CREATE TABLE new(id integer, v text);
