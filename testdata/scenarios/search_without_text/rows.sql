INSERT INTO notes VALUES (9, 'running on mud'); INSERT INTO found(rowid, body) SELECT id, body FROM notes;
