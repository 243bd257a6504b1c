INSERT INTO nests VALUES (1); INSERT INTO eggs VALUES (1, 1), (2, 7), (3, 8);
