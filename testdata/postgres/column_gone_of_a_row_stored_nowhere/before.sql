CREATE TABLE t(id integer, a integer);
CREATE TYPE c AS (z integer, r t);
CREATE TABLE h(x t, y c);
