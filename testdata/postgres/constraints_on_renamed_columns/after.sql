CREATE TABLE parent(id integer PRIMARY KEY, kode text UNIQUE);
CREATE TABLE t(id integer PRIMARY KEY, parent integer REFERENCES parent, b text, d integer CHECK (d > 0));
CREATE UNIQUE INDEX ti ON t(d) WHERE d > 1;
