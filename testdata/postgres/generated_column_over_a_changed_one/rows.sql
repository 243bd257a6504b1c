INSERT INTO t(id, n) VALUES (1, 3), (2, NULL);
