INSERT INTO t VALUES (1, 'a', x'01'), (2, 'a', x'02'), (3, 'b', NULL);
