INSERT INTO birds VALUES (1, 'dunlin');
