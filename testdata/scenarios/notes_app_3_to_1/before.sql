-- Version 3: notebooks are folders, notes have a state, templates and the trash are gone, the search has another tokenizer.
CREATE TABLE account(id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, email TEXT COLLATE NOCASE UNIQUE, created INTEGER NOT NULL DEFAULT (strftime('%s', 'now')), locale TEXT NOT NULL DEFAULT 'en');
CREATE TABLE device(id TEXT PRIMARY KEY, account INTEGER NOT NULL REFERENCES account(id) ON DELETE CASCADE, label TEXT NOT NULL DEFAULT 'unnamed', last_seen TEXT, push_key BLOB) WITHOUT ROWID;
CREATE TABLE folder(id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER REFERENCES folder(id) ON DELETE CASCADE, name TEXT NOT NULL, colour TEXT DEFAULT '#ffffff', position REAL NOT NULL DEFAULT 0, CONSTRAINT not_own_parent CHECK (parent <> id));
CREATE TABLE note(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  folder INTEGER NOT NULL REFERENCES folder(id) ON DELETE RESTRICT,
  title TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL DEFAULT '',
  -- whimbrel: backfill CASE WHEN pinned = 1 THEN 'pinned' ELSE 'open' END
  state TEXT NOT NULL CHECK (state IN ('open', 'pinned', 'archived')),
  created TEXT NOT NULL,
  changed TEXT,
  words INTEGER AS (length(body) - length(replace(body, ' ', '')) + 1) STORED
);
CREATE TABLE tag(id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE UNIQUE, parent INTEGER REFERENCES tag(id) ON DELETE SET NULL);
CREATE TABLE note_tag(note INTEGER NOT NULL REFERENCES note(id) ON DELETE CASCADE, tag INTEGER NOT NULL REFERENCES tag(id) ON DELETE CASCADE, PRIMARY KEY (note, tag)) WITHOUT ROWID;
CREATE TABLE attachment(id INTEGER PRIMARY KEY, note INTEGER REFERENCES note(id) ON DELETE CASCADE, name TEXT NOT NULL, mime TEXT, data BLOB, bytes INTEGER);
CREATE TABLE reminder(id INTEGER PRIMARY KEY, note INTEGER REFERENCES note(id) ON DELETE CASCADE, due TEXT, done INT NOT NULL DEFAULT 0, CHECK (done IN (0, 1)));
CREATE TABLE link(source INTEGER NOT NULL REFERENCES note(id) ON DELETE CASCADE, target INTEGER NOT NULL REFERENCES note(id) ON DELETE CASCADE, PRIMARY KEY (source, target)) WITHOUT ROWID;
CREATE TABLE revision(note INTEGER NOT NULL REFERENCES note(id) ON DELETE CASCADE, number INTEGER NOT NULL, body TEXT, PRIMARY KEY (note, number)) WITHOUT ROWID;
CREATE TABLE setting(key TEXT PRIMARY KEY NOT NULL, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE outbox(seq INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, payload TEXT, tries INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE share(note INTEGER PRIMARY KEY REFERENCES note(id) ON DELETE CASCADE, token TEXT NOT NULL UNIQUE, until TEXT);
CREATE INDEX note_folder ON note(folder, state);
CREATE INDEX note_changed ON note(changed DESC) WHERE changed IS NOT NULL;
CREATE INDEX note_tag_tag ON note_tag(tag);
CREATE INDEX reminder_due ON reminder(due) WHERE NOT done;
CREATE VIEW recent AS SELECT id, title, changed FROM note ORDER BY changed DESC LIMIT 50;
CREATE VIEW folder_size(id, name, notes, words) AS SELECT b.id, b.name, count(n.id), sum(n.words) FROM folder b LEFT JOIN note n ON n.folder = b.id GROUP BY b.id;
CREATE VIEW busy AS SELECT name FROM folder_size WHERE notes > 1;
CREATE VIRTUAL TABLE search USING fts5(title, body, content = 'note', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2');
CREATE TRIGGER note_in AFTER INSERT ON note BEGIN INSERT INTO search(rowid, title, body) VALUES (new.id, new.title, new.body); END;
CREATE TRIGGER note_out AFTER DELETE ON note BEGIN INSERT INTO search(search, rowid, title, body) VALUES ('delete', old.id, old.title, old.body); END;
CREATE TRIGGER note_set AFTER UPDATE OF title, body ON note BEGIN
  INSERT INTO search(search, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
  INSERT INTO search(rowid, title, body) VALUES (new.id, new.title, new.body);
END;
CREATE TRIGGER tag_unused AFTER DELETE ON note_tag WHEN NOT EXISTS (SELECT 1 FROM note_tag WHERE tag = old.tag) BEGIN
  DELETE FROM tag WHERE id = old.tag;
END;
CREATE TRIGGER recent_title INSTEAD OF UPDATE OF title ON recent BEGIN UPDATE note SET title = new.title WHERE id = old.id; END;
