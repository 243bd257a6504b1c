INSERT INTO notes VALUES (1, 'open', 1), (2, 'lost', 3), (3, NULL, NULL), (4, 'Open', 2);
INSERT INTO prices VALUES (1, -5, 'a', '1'), (2, 5, NULL, '1.5');
