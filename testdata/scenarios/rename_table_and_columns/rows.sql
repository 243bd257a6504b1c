INSERT INTO observers VALUES (1, 'ada@x', '41', '555'), (9, NULL, NULL, NULL);
