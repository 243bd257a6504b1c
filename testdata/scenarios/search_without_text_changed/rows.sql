INSERT INTO found(rowid, body) VALUES (9, 'running on mud');
