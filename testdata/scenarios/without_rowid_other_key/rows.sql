INSERT INTO t VALUES ('a', 'x'), ('b', NULL), ('c', NULL);
INSERT INTO u VALUES ('a');
