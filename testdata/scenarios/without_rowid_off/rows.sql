INSERT INTO t VALUES ('y', 2), ('x', 1);
