INSERT INTO t VALUES ('y', 2, 'two'), ('x', 1, 'one');
