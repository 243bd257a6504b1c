INSERT INTO parent VALUES (1, 'x');
INSERT INTO t VALUES (1, 1, 'x', 1), (2, 1, 'y', 2);
