INSERT INTO sites VALUES (1, 5, 'then');
