INSERT INTO t VALUES (1, 'x'), (41, 'y');
