INSERT INTO t VALUES ('d', 'e', 'f'), ('a', 'b', 'c');
