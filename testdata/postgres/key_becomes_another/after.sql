CREATE TABLE a(id integer NOT NULL UNIQUE, code text PRIMARY KEY);
CREATE TABLE b(id integer PRIMARY KEY, a integer REFERENCES a(id));
