INSERT INTO a(id, n) VALUES (1, 'x'), (2, NULL);
INSERT INTO b(id, n) VALUES (1, 'x'), (2, NULL);
