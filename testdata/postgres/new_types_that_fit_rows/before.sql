CREATE TABLE notes(id integer PRIMARY KEY, status text NOT NULL UNIQUE CHECK (status <> 'x'), number integer, price integer);
CREATE INDEX notes_number ON notes (number);
CREATE TABLE parts(id integer, state text) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
