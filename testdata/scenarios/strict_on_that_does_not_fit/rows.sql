INSERT INTO t VALUES (1, 5), (2, 'five'), (3, x'05');
