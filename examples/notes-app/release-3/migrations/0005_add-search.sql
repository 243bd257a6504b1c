-- + virtual table notes_search
-- + index notes_open
-- + trigger notes_added
-- + trigger notes_removed
-- + trigger notes_changed

-- Your data, before the change:

-- create (notes_search)
CREATE VIRTUAL TABLE notes_search USING fts5(title, body, content = notes, content_rowid = id);
INSERT INTO "notes_search"("notes_search") VALUES('rebuild');
-- create index (notes_open)
CREATE INDEX notes_open ON notes(created) WHERE NOT done;
-- create trigger (notes_added)
CREATE TRIGGER notes_added AFTER INSERT ON notes BEGIN
  INSERT INTO notes_search(rowid, title, body) VALUES (new.id, new.title, new.body);
END;
-- create trigger (notes_removed)
CREATE TRIGGER notes_removed AFTER DELETE ON notes BEGIN
  INSERT INTO notes_search(notes_search, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
END;
-- create trigger (notes_changed)
CREATE TRIGGER notes_changed AFTER UPDATE OF title, body ON notes BEGIN
  INSERT INTO notes_search(notes_search, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
  INSERT INTO notes_search(rowid, title, body) VALUES (new.id, new.title, new.body);
END;

-- Your data, after the change:

