INSERT INTO t VALUES ('a1', 'b1', 1), ('a2', 'b2', 2);
INSERT INTO u VALUES ('a1', 'b1', 1), ('a2', 'b2', 2);
INSERT INTO v VALUES ('a1', 'b1', 1), ('a2', 'b2', 2);
