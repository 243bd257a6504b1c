CREATE TABLE tags(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
);

-- Quotes, line ends and other letters are kept: "Übersicht", \n, {}.
INSERT INTO tags(name) VALUES ('to do'), ('it''s "done"'), ('später
irgendwann');
