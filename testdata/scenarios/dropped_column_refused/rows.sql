INSERT INTO t VALUES (1, 'a', NULL), (2, NULL, NULL), (3, 'c', NULL);
