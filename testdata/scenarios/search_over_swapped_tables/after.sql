CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);
CREATE TABLE drafts(id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE found USING fts5(body, content = 'notes', content_rowid = 'id');
