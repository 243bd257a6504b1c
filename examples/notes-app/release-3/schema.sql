CREATE TABLE notes (
  id      INTEGER PRIMARY KEY,
  title   TEXT NOT NULL DEFAULT '',
  body    TEXT NOT NULL, -- whimbrel: renamed from text
  done    INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1)),
  created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX notes_open ON notes(created) WHERE NOT done;

CREATE TABLE tags (
  note_id INTEGER NOT NULL REFERENCES notes(id) ON DELETE CASCADE,
  name    TEXT NOT NULL,
  PRIMARY KEY (note_id, name)
) WITHOUT ROWID;

-- What is searched for, without a copy of the texts.
CREATE VIRTUAL TABLE notes_search USING fts5(title, body, content = notes, content_rowid = id);

CREATE TRIGGER notes_added AFTER INSERT ON notes BEGIN
  INSERT INTO notes_search(rowid, title, body) VALUES (new.id, new.title, new.body);
END;
CREATE TRIGGER notes_removed AFTER DELETE ON notes BEGIN
  INSERT INTO notes_search(notes_search, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
END;
CREATE TRIGGER notes_changed AFTER UPDATE OF title, body ON notes BEGIN
  INSERT INTO notes_search(notes_search, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
  INSERT INTO notes_search(rowid, title, body) VALUES (new.id, new.title, new.body);
END;
