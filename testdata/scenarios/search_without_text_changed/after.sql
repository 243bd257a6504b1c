CREATE VIRTUAL TABLE found USING fts5(body, title, content = '');
