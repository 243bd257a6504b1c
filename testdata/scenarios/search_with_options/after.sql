CREATE VIRTUAL TABLE found USING fts4(title, body, tokenize porter, prefix="2,4");
CREATE VIRTUAL TABLE newer USING fts5(title, body, prefix = '2 4', tokenize = 'porter');
