INSERT INTO pictures VALUES (1, 1), (2, 1), (3, 2), (4, NULL);
