INSERT INTO t(id, n) VALUES (2, 2);
