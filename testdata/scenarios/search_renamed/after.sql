CREATE VIRTUAL TABLE leaves USING fts5(title, body);
