INSERT INTO t VALUES (1, '12'), (2, 'twelve'), (3, NULL);
