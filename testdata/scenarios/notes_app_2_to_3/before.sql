-- Version 2: tags are unique, notes know whether they are pinned as a number, reminders belong to their note, STRICT outbox.
CREATE TABLE account(id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, email TEXT COLLATE NOCASE, created INTEGER NOT NULL DEFAULT (strftime('%s', 'now')), locale TEXT NOT NULL DEFAULT 'en');
CREATE TABLE device(id TEXT PRIMARY KEY, account INTEGER NOT NULL REFERENCES account(id) ON DELETE CASCADE, label TEXT NOT NULL DEFAULT 'unnamed', last_seen TEXT) WITHOUT ROWID;
CREATE TABLE notebook(id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER REFERENCES notebook(id) ON DELETE CASCADE, title TEXT NOT NULL, colour TEXT DEFAULT '#ffffff', position REAL, CONSTRAINT not_own_parent CHECK (parent <> id));
CREATE TABLE note(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  notebook INTEGER NOT NULL REFERENCES notebook(id) ON DELETE CASCADE,
  title TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL DEFAULT '',
  pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
  created TEXT NOT NULL,
  changed TEXT,
  words INTEGER AS (length(body) - length(replace(body, ' ', '')) + 1) VIRTUAL
);
CREATE TABLE tag(id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE UNIQUE);
CREATE TABLE note_tag(note INTEGER NOT NULL REFERENCES note(id) ON DELETE CASCADE, tag INTEGER NOT NULL REFERENCES tag(id) ON DELETE CASCADE, PRIMARY KEY (note, tag)) WITHOUT ROWID;
CREATE TABLE attachment(id INTEGER PRIMARY KEY, note INTEGER REFERENCES note(id) ON DELETE CASCADE, name TEXT NOT NULL, mime TEXT, data BLOB, bytes INTEGER);
CREATE TABLE reminder(id INTEGER PRIMARY KEY, note INTEGER REFERENCES note(id) ON DELETE CASCADE, due TEXT, done INT NOT NULL DEFAULT 0);
CREATE TABLE link(source INTEGER NOT NULL REFERENCES note(id) ON DELETE CASCADE, target INTEGER NOT NULL REFERENCES note(id) ON DELETE CASCADE, PRIMARY KEY (source, target)) WITHOUT ROWID;
CREATE TABLE revision(note INTEGER NOT NULL REFERENCES note(id) ON DELETE CASCADE, number INTEGER NOT NULL, body TEXT, PRIMARY KEY (note, number));
CREATE TABLE setting(key TEXT PRIMARY KEY, value);
CREATE TABLE template(id INTEGER PRIMARY KEY, name TEXT, body TEXT);
CREATE TABLE trash(kind TEXT, id INTEGER, dropped TEXT DEFAULT CURRENT_TIMESTAMP, content TEXT);
CREATE TABLE outbox(seq INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, payload TEXT, tries INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX note_notebook ON note(notebook, pinned DESC);
CREATE INDEX note_changed ON note(changed DESC) WHERE changed IS NOT NULL;
CREATE INDEX note_tag_tag ON note_tag(tag);
CREATE INDEX reminder_due ON reminder(due) WHERE NOT done;
CREATE VIEW recent AS SELECT id, title, changed FROM note ORDER BY changed DESC LIMIT 50;
CREATE VIEW notebook_size AS SELECT b.id, b.title, count(n.id) AS notes FROM notebook b LEFT JOIN note n ON n.notebook = b.id GROUP BY b.id;
CREATE VIRTUAL TABLE search USING fts5(title, body, content = 'note', content_rowid = 'id');
CREATE TRIGGER note_in AFTER INSERT ON note BEGIN INSERT INTO search(rowid, title, body) VALUES (new.id, new.title, new.body); END;
CREATE TRIGGER note_out AFTER DELETE ON note BEGIN INSERT INTO search(search, rowid, title, body) VALUES ('delete', old.id, old.title, old.body); END;
CREATE TRIGGER note_set AFTER UPDATE OF title, body ON note BEGIN
  INSERT INTO search(search, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
  INSERT INTO search(rowid, title, body) VALUES (new.id, new.title, new.body);
END;
CREATE TRIGGER tag_unused AFTER DELETE ON note_tag WHEN NOT EXISTS (SELECT 1 FROM note_tag WHERE tag = old.tag) BEGIN
  DELETE FROM tag WHERE id = old.tag;
END;
