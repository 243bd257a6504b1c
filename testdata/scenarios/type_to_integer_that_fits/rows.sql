INSERT INTO t VALUES ('5'), ('x'), (NULL), ('2.5');
