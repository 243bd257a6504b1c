CREATE TABLE t(a integer, n integer NOT NULL DEFAULT 5, m text DEFAULT 'm');
CREATE TABLE empty(a integer, n integer NOT NULL DEFAULT 5);
CREATE TABLE h(x t, y empty);
