INSERT INTO t VALUES (1, 'knot', 0), (2, 'knot', 0), (3, 'ruff', 1), (4, 'ruff', 1);
