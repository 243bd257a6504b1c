CREATE TYPE state AS ENUM ('open', 'it''s done');
CREATE TYPE number AS ENUM ('1', '2');
CREATE DOMAIN price AS bigint CHECK (VALUE > 0);
CREATE TABLE notes(id integer PRIMARY KEY, state state NOT NULL UNIQUE, number number, price price);
CREATE UNIQUE INDEX notes_number ON notes (number);
CREATE TABLE parts(id integer, state state) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
