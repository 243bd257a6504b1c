INSERT INTO words VALUES ('knot', 'north'), (NULL, 'south');
