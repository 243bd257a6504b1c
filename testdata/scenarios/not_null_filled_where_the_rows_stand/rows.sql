INSERT INTO teams VALUES (1, 'red'), (2, 'blue');
INSERT INTO people VALUES (1, 'Ada', 'ada@x', 1), (2, 'Bea', NULL, NULL), (7, NULL, NULL, 2), (8, NULL, 'dan@x', 2);
