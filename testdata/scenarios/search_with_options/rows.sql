INSERT INTO found(rowid, title) VALUES (7, 'running');
INSERT INTO newer(rowid, title) VALUES (8, 'walking');
