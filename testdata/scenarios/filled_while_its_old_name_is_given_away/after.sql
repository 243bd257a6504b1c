CREATE TABLE old_notes(
  id INTEGER PRIMARY KEY, body TEXT,
  owner TEXT NOT NULL, -- whimbrel: backfill 'nobody'
  size INTEGER -- whimbrel: backfill length(body)
);
CREATE TABLE notes(id INTEGER PRIMARY KEY, page INTEGER NOT NULL);
CREATE UNIQUE INDEX notes_page ON notes(page);
