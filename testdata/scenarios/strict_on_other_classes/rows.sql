INSERT INTO t VALUES (1, 'a', x'00'), (2, x'61', x'00'), (3, 'c', 'text'), (4, 'd', 5);
