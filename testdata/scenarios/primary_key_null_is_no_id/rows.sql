INSERT INTO t(id, n) VALUES (NULL, 'x'), (30, 'y');
