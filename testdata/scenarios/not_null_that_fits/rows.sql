INSERT INTO bands VALUES (1, 'X9'), (2, '');
