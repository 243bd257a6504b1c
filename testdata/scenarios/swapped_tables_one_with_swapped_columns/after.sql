CREATE TABLE t(a, b); CREATE TABLE u(a, b);
