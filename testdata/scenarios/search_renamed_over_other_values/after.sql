CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, word TEXT AS (body || ' bird'));
CREATE VIRTUAL TABLE note_words USING fts5(word, content = 'notes', content_rowid = 'id');
