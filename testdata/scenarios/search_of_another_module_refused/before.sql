CREATE VIRTUAL TABLE found USING fts4(title, body);
