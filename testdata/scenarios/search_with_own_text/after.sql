CREATE VIRTUAL TABLE pages USING fts5(title, body, tags, tokenize = 'porter unicode61');
