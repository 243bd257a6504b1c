CREATE TABLE notes(id integer PRIMARY KEY, state text, number integer);
CREATE TABLE prices(id integer PRIMARY KEY, price numeric, name text, amount text);
