INSERT INTO t(rowid, x, v) VALUES (5, 'a', 1), (9, 'b', 2); INSERT INTO u(rowid, oid, v) VALUES (7, 'c', 3);
