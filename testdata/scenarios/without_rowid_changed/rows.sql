INSERT INTO t VALUES ('b', '2', x'02'), ('a', '1', NULL);
