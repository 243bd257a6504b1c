INSERT INTO t VALUES ('ta', 'tb'); INSERT INTO u VALUES ('ua', 'ub');
