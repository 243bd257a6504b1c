-- The first version of a notes app.

CREATE TABLE notebooks (
  id   INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE
);

CREATE TABLE notes (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  notebook_id INTEGER REFERENCES notebooks(id) ON DELETE CASCADE,
  titel       TEXT,
  body        TEXT,
  created     TEXT
);

CREATE INDEX notes_notebook ON notes(notebook_id);

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
  INSERT INTO log(text) VALUES ('deleted ' || coalesce(old.titel, 'note ' || old.id));
END;

CREATE VIEW overview AS
  SELECT notes.id, notebooks.name AS notebook, notes.titel
  FROM notes LEFT JOIN notebooks ON notebooks.id = notes.notebook_id;
