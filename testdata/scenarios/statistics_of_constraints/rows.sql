INSERT INTO kept(id, name, n) VALUES (1, 'a', 1), (2, 'b', 1), (3, NULL, 1);
INSERT INTO others VALUES (1, 'a', 1), (2, NULL, 2), (3, NULL, 3);
ANALYZE;
