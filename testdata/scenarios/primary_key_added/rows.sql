INSERT INTO t(rowid, code, n) VALUES (5, 'a', 1), (90, 'b', 2);
