CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT NOT NULL, content TEXT UNIQUE);
CREATE VIEW texts AS SELECT id, title || ' ' || content AS text FROM notes;
CREATE VIRTUAL TABLE found USING fts5(text, content = 'texts', content_rowid = 'id');
