CREATE TABLE t(a integer);
CREATE TABLE empty(a integer);
CREATE TABLE h(x t, y empty);
