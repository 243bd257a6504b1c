INSERT INTO birds VALUES (1, 'whimbrel'), (2, 'knot');
INSERT INTO weights VALUES (1, 420.5);
