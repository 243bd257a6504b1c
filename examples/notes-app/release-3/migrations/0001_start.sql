-- + table notes

-- Your data, before the change:

-- create (notes)
CREATE TABLE notes (
  id      INTEGER PRIMARY KEY,
  text    TEXT NOT NULL,
  done    INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1)),
  created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- Your data, after the change:

