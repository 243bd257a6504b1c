INSERT INTO nests VALUES (5, 'dune');
INSERT INTO eggs VALUES (1, 5, 41.5), (2, 5, 39.25);
INSERT INTO visits VALUES (1, 5);
