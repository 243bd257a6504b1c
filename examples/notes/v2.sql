-- The second version: `titel` was a slip, every note has a text, and notes can be starred.

CREATE TABLE notebooks (
  id   INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE
);

CREATE TABLE notes (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  notebook_id INTEGER REFERENCES notebooks(id) ON DELETE CASCADE,
  title       TEXT,                               -- whimbrel: renamed from titel
  body        TEXT NOT NULL,                      -- whimbrel: backfill '(' || coalesce(title, 'no text') || ')'
  created     TEXT,
  starred     INTEGER NOT NULL DEFAULT 0 CHECK (starred IN (0, 1))
);

CREATE INDEX notes_notebook ON notes(notebook_id);
CREATE INDEX notes_starred ON notes(created DESC) WHERE starred;

CREATE TABLE tags (
  note_id INTEGER NOT NULL REFERENCES notes(id) ON DELETE CASCADE,
  tag     TEXT NOT NULL COLLATE NOCASE,
  PRIMARY KEY (note_id, tag)
) WITHOUT ROWID;

CREATE TABLE log (
  at   TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  text TEXT NOT NULL
);

CREATE TRIGGER notes_deleted AFTER DELETE ON notes BEGIN
  INSERT INTO log(text) VALUES ('deleted ' || coalesce(old.title, 'note ' || old.id));
END;

CREATE VIEW overview AS
  SELECT notes.id, notebooks.name AS notebook, notes.title, notes.starred
  FROM notes LEFT JOIN notebooks ON notebooks.id = notes.notebook_id;
