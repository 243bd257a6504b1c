INSERT INTO t VALUES (1, '1.0', '7', 'a'), (2, '1.00', '7.0', 'b');
INSERT INTO u VALUES (1, 1), (2, 2);
