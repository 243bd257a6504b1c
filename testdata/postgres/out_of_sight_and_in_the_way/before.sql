CREATE TABLE t(id integer, b text);
CREATE VIEW legacy_v AS SELECT id FROM t;
CREATE TABLE legacy_k(id integer);
