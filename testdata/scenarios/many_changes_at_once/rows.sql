INSERT INTO clubs VALUES (1, 'waders', NULL), (2, 'gulls', 'loud');
INSERT INTO members VALUES (5, 1, 'Ada', 'a@x'), (6, 1, 'Bob', NULL);
INSERT INTO fees VALUES (5, '1000'), (6, '2000'); INSERT INTO obsolete VALUES (1, 5);
