CREATE TABLE t(id integer PRIMARY KEY, a text, b text);
CREATE INDEX t_a ON t(a);
CREATE INDEX t_old_name ON t(b);
