INSERT INTO area VALUES (3, 1, 2, 3, 4), (8, 4, 4.5, 0, 1), (9, 7, 8, 9, 10);
