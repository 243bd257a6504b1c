CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, word TEXT AS (lower(body)));
CREATE VIRTUAL TABLE notes_search USING fts5(word, content = 'notes', content_rowid = 'id');
