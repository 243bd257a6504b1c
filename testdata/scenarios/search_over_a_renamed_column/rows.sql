INSERT INTO notes VALUES (2, 'sand'), (9, 'mud'); INSERT INTO found(found) VALUES ('rebuild');
