INSERT INTO notes VALUES (2, 'sand'), (9, 'running on mud'); INSERT INTO found(found) VALUES ('rebuild');
