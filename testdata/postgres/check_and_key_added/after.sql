CREATE TABLE authors(id integer PRIMARY KEY, name text UNIQUE);
CREATE TABLE books(
  id integer PRIMARY KEY,
  author integer REFERENCES authors ON DELETE CASCADE,
  title text,
  pages integer CHECK (pages > 0),
  UNIQUE (author, title) INCLUDE (pages)
);
CREATE INDEX books_author ON books(author);
