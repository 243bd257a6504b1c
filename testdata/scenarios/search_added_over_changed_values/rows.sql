INSERT INTO notes VALUES (2, 'sand'), (9, 12);
