CREATE TABLE authors(id integer PRIMARY KEY, name text);
CREATE TABLE books(id integer PRIMARY KEY, author integer, title text, pages integer);
