INSERT INTO t(rowid, n) VALUES (4, 'x'), (11, 'y');
