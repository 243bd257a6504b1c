INSERT INTO teams VALUES (1, 7, 'waders'); INSERT INTO players VALUES (7, 1, 'Ada'), (8, 1, 'Bob');
