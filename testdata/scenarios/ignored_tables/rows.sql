INSERT INTO legacy_birds VALUES (5, 'x');
