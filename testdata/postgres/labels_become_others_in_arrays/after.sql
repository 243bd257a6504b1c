CREATE TYPE e AS ENUM ('a', 'c');
CREATE DOMAIN d AS e;
CREATE TABLE t(id integer, a e, aa e[], v d);
