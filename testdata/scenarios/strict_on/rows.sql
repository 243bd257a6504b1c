INSERT INTO t VALUES (1, 5, 2.5, 'x', x'01'), (2, NULL, 3, NULL, NULL);
