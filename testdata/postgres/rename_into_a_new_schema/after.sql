CREATE SCHEMA s;
CREATE SCHEMA core;
CREATE TABLE s.t(id serial PRIMARY KEY, b text);
CREATE TABLE core.persons(id integer, name text);
CREATE TYPE feeling AS ENUM ('z', 'b');
CREATE TABLE m(x feeling DEFAULT 'b');
