INSERT INTO rings VALUES (7, 'knot'), (NULL, 'dunlin');
INSERT INTO places VALUES ('dune', 'knot'), (NULL, 'ruff');
