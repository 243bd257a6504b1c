CREATE TABLE notes (
  id      INTEGER PRIMARY KEY,
  body    TEXT NOT NULL, -- whimbrel: renamed from text
  done    INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1)),
  created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE tags (
  note_id INTEGER NOT NULL REFERENCES notes(id) ON DELETE CASCADE,
  name    TEXT NOT NULL,
  PRIMARY KEY (note_id, name)
) WITHOUT ROWID;
