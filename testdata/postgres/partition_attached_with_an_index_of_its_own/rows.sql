INSERT INTO part VALUES (1, 'a', 'x');
