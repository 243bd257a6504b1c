CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT, body TEXT);
CREATE VIEW texts AS SELECT id, title || ' ' || body AS text FROM notes;
CREATE VIRTUAL TABLE found USING fts5(text, content = 'texts', content_rowid = 'id');
