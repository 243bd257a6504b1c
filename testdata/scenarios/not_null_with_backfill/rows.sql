INSERT INTO bands VALUES (1, 'X9'), (2, NULL), (5, NULL);
