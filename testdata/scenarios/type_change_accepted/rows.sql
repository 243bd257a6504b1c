INSERT INTO agents VALUES (1, '007'), (2, '12'), (3, '+5');
