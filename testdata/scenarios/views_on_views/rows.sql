INSERT INTO t VALUES (1, 'knot', 2, 5);
