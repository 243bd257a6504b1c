CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, changed INTEGER NOT NULL DEFAULT 0, kind TEXT DEFAULT 'plain');
CREATE INDEX notes_body ON notes(body);
CREATE TRIGGER notes_changed AFTER UPDATE ON notes BEGIN UPDATE notes SET changed = changed + 1 WHERE id = new.id; END;
