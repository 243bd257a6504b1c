CREATE TABLE t(a bigint, b text);
CREATE TABLE h(x t);
