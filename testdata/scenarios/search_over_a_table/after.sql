CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT NOT NULL, lang TEXT NOT NULL DEFAULT 'en' CHECK (lang <> ''), UNIQUE (body));
CREATE VIRTUAL TABLE notes_search USING fts5(body, content = 'notes', content_rowid = 'id');
CREATE TRIGGER notes_in AFTER INSERT ON notes BEGIN INSERT INTO notes_search(rowid, body) VALUES (new.id, new.body); END;
CREATE TRIGGER notes_out AFTER DELETE ON notes BEGIN
  INSERT INTO notes_search(notes_search, rowid, body) VALUES ('delete', old.id, old.body);
END;
