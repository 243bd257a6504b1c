INSERT INTO t(_rowid_, n, rowid) VALUES (3, 1, 'x'), (70, 2, NULL);
INSERT INTO u(rowid, n, oid) VALUES (-5, '007', 1.5), (8, NULL, NULL);
