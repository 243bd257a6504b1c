-- Squashed from 0001_notes and 0002_body.
CREATE TABLE notes(
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  body TEXT NOT NULL DEFAULT ''
);
