INSERT INTO notes(rowid, body) VALUES (3, 'sand'), (70, 'running on mud');
INSERT INTO found(found) VALUES ('rebuild');
