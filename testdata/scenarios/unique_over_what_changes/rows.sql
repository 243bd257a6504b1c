INSERT INTO g VALUES (1, '5'), (2, '7');
INSERT INTO x VALUES (1, '5'), (2, '7');
INSERT INTO p VALUES (1, '5', 9), (2, '7', 9);
