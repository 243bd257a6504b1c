CREATE VIRTUAL TABLE found USING fts5(title, body);
