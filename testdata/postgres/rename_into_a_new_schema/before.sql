CREATE SCHEMA app;
CREATE TABLE t(id serial PRIMARY KEY, a text);
CREATE TABLE app.people(id integer, n text);
CREATE TYPE mood AS ENUM ('a');
CREATE TABLE m(x mood DEFAULT 'a');
