CREATE TABLE t(
  id INTEGER PRIMARY KEY, -- the key
  a TEXT, -- not the last
  b TEXT DEFAULT 'x' -- new; and, with ) a comment
);
