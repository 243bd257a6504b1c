CREATE TYPE kind AS ENUM ('a', 'b', 'c');
CREATE TABLE p(id text PRIMARY KEY, n integer UNIQUE, k kind UNIQUE, v varchar(10) UNIQUE);
CREATE TABLE c(
  id integer PRIMARY KEY,
  p text REFERENCES p,
  n integer REFERENCES p (n),
  k kind REFERENCES p (k),
  v varchar(10) REFERENCES p (v)
);
