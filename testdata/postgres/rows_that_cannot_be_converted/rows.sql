INSERT INTO t VALUES (1, 'seven', 1.5), (2, '8', 2);
