-- Version 1 of a notes app: notebooks, notes, tags, attachments, reminders, a search index.
CREATE TABLE account(id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, mail TEXT, created INTEGER NOT NULL DEFAULT (strftime('%s', 'now')));
CREATE TABLE device(id TEXT PRIMARY KEY, account INTEGER NOT NULL REFERENCES account(id) ON DELETE CASCADE, label TEXT, last_seen TEXT) WITHOUT ROWID;
CREATE TABLE notebook(id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER REFERENCES notebook(id) ON DELETE CASCADE, title TEXT NOT NULL, colour TEXT DEFAULT '#fff', position REAL);
CREATE TABLE note(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  notebook INTEGER NOT NULL REFERENCES notebook(id) ON DELETE CASCADE,
  title TEXT,
  body TEXT NOT NULL DEFAULT '',
  pinned TEXT DEFAULT '0',
  created TEXT NOT NULL,
  changed TEXT
);
CREATE TABLE tag(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE note_tag(note INTEGER, tag INTEGER);
CREATE TABLE attachment(id INTEGER PRIMARY KEY, note INTEGER REFERENCES note(id) ON DELETE CASCADE, file TEXT NOT NULL, mime VARCHAR(64), data BLOB, bytes TEXT);
CREATE TABLE reminder(id INTEGER PRIMARY KEY, note INTEGER REFERENCES note(id), due TEXT, done INT);
CREATE TABLE link(source INTEGER NOT NULL REFERENCES note(id) ON DELETE CASCADE, target INTEGER NOT NULL REFERENCES note(id) ON DELETE CASCADE, PRIMARY KEY (source, target));
CREATE TABLE revision(note INTEGER NOT NULL, number INTEGER NOT NULL, body TEXT, PRIMARY KEY (note, number));
CREATE TABLE setting(key TEXT PRIMARY KEY, value);
CREATE TABLE template(id INTEGER PRIMARY KEY, name TEXT UNIQUE, body TEXT);
CREATE TABLE trash(kind TEXT, id INTEGER, dropped TEXT DEFAULT CURRENT_TIMESTAMP, content TEXT);
CREATE TABLE outbox(seq INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, payload TEXT);
CREATE INDEX note_notebook ON note(notebook);
CREATE INDEX note_changed ON note(changed DESC) WHERE changed IS NOT NULL;
CREATE INDEX note_tag_tag ON note_tag(tag);
CREATE VIEW recent AS SELECT id, title, changed FROM note ORDER BY changed DESC LIMIT 50;
CREATE VIEW notebook_size AS SELECT b.id, b.title, count(n.id) AS notes FROM notebook b LEFT JOIN note n ON n.notebook = b.id GROUP BY b.id;
CREATE VIRTUAL TABLE search USING fts5(title, body, content = 'note', content_rowid = 'id');
CREATE TRIGGER note_in AFTER INSERT ON note BEGIN INSERT INTO search(rowid, title, body) VALUES (new.id, new.title, new.body); END;
CREATE TRIGGER note_out AFTER DELETE ON note BEGIN INSERT INTO search(search, rowid, title, body) VALUES ('delete', old.id, old.title, old.body); END;
CREATE TRIGGER note_set AFTER UPDATE ON note BEGIN
  INSERT INTO search(search, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
  INSERT INTO search(rowid, title, body) VALUES (new.id, new.title, new.body);
END;
