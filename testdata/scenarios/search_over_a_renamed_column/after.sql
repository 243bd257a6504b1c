CREATE TABLE notes(id INTEGER PRIMARY KEY, content TEXT);
CREATE VIRTUAL TABLE found USING fts5(content, content = 'notes', content_rowid = 'id');
