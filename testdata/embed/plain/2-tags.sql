CREATE TABLE tags(
  name TEXT PRIMARY KEY
);
INSERT INTO tags VALUES ('two
lines');
