CREATE TABLE t(
  id INTEGER PRIMARY KEY, -- the key
  a TEXT -- the last one
);
