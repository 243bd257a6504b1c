INSERT INTO docs VALUES (1, 'ann', 'x');
