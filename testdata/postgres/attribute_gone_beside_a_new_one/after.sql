CREATE TYPE c AS (x integer, z text);
CREATE TABLE t(id integer, v c);
