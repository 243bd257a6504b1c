INSERT INTO t(rowid, id, n) VALUES (1, 40, 'x'), (2, 20, 'y');
