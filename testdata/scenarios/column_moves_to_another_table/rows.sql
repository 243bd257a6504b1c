INSERT INTO birds VALUES (1, 'knot', 'red');
