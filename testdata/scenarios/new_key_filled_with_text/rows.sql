INSERT INTO rings VALUES (7), ('12'), ('12b'), (1.5);
INSERT INTO words VALUES ('knot', 'north'), (NULL, 'south');
