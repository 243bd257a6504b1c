INSERT INTO new VALUES (1, 'N', 'W');
INSERT INTO old VALUES (2, 'O'), (3, 'P');
