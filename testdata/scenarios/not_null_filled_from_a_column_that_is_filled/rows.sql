INSERT INTO t VALUES (1, NULL, NULL), (2, 'x', NULL), (3, NULL, 'y');
