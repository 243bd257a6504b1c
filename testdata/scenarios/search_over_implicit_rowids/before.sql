CREATE TABLE notes(body TEXT, n INT);
CREATE VIRTUAL TABLE found USING fts5(body, content = 'notes');
