CREATE TABLE t(id integer, a integer);
CREATE TABLE h(x t, y t[]);
