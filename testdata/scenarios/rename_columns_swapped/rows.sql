INSERT INTO legs VALUES (1, 'red', 'white');
