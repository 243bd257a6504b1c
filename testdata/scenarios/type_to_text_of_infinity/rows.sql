INSERT INTO t VALUES (1, 9e999), (2, 1.5), (3, 0.1 + 0.2);
