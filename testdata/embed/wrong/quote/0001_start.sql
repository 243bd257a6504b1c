CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT NOT NULL);
INSERT INTO notes(title) VALUES ('it's open');
