INSERT INTO t VALUES (1, '007'), (2, 7), (3, x'07');
