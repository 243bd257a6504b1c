CREATE TABLE t(id integer PRIMARY KEY, a text, b text);
CREATE UNIQUE INDEX t_a ON t(a DESC) INCLUDE (b) WHERE b <> '';
CREATE INDEX t_new_name ON t(b);
COMMENT ON INDEX t_a IS 'serves search';
