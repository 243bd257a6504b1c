INSERT INTO bands VALUES (1, 'red'), (2, NULL), (3, ''), (4, NULL);
