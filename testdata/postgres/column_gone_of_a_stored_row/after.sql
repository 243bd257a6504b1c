CREATE TABLE t(id integer);
CREATE TABLE h(x t, y t[]);
