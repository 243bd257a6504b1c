CREATE TABLE parent(id integer PRIMARY KEY, code text);
CREATE TABLE t(id integer, a integer, b text, c integer);
