INSERT INTO nests VALUES (1, 'a'), (2, 'b');
INSERT INTO eggs VALUES (1, 1), (2, 1), (3, 2);
INSERT INTO chicks VALUES (1, 1), (2, 3);
