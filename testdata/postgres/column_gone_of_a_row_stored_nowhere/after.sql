CREATE TABLE t(id integer);
CREATE TYPE c AS (r t);
CREATE TABLE h(x t, y c);
