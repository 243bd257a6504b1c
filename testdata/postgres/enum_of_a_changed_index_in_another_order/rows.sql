INSERT INTO t VALUES (1, 'all', 2), (2, 'nobody', 3);
