INSERT INTO t(rowid, n) VALUES (3, 1), (70, 2);
