INSERT INTO t(rowid, id, n) VALUES (1, 500, 'x'), (2, 30, 'y');
