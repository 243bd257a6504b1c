CREATE TYPE c AS (x integer, y text, gone text);
CREATE TABLE t(id integer, v c);
