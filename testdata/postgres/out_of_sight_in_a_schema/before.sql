CREATE SCHEMA legacy;
CREATE TABLE legacy.x(a integer);
CREATE TABLE t(id integer);
CREATE VIEW legacy.v AS SELECT id FROM t;
