INSERT INTO stock(id, code) VALUES (1, 'ab-1');
INSERT INTO orders VALUES (1, 'ab-1');
