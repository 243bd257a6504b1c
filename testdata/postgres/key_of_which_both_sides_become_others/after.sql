CREATE TYPE kind AS ENUM ('b', 'a');
CREATE TABLE p(id uuid PRIMARY KEY, n bigint UNIQUE, k kind UNIQUE, v text UNIQUE);
CREATE TABLE c(
  id integer PRIMARY KEY,
  p uuid REFERENCES p,
  n bigint REFERENCES p (n),
  k kind REFERENCES p (k),
  v text REFERENCES p (v)
);
