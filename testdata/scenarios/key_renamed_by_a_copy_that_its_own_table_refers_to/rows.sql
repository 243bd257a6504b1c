INSERT INTO people VALUES (1, 10, NULL), (2, 20, 10), (3, 30, 99);
INSERT INTO parts VALUES (1, 1, NULL), (2, 2, 1), (3, 3, 99);
