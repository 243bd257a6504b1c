INSERT INTO t VALUES (1, 'a', 'x', 1), (2, 'c', 'y', 2);
