INSERT INTO notes VALUES (2, 'a', 'sand'), (9, 'b', 'mud'); INSERT INTO found(found) VALUES ('rebuild');
