INSERT INTO scores VALUES ('ada', 'go', 'monday', '12'), ('bea', 'go', NULL, '7'), ('ada', 'chess', 'friday', '3.5');
