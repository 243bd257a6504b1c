INSERT INTO rings VALUES (7, 'knot'), (NULL, 'dunlin'), ('12', 'ruff');
INSERT INTO places VALUES ('dune', 'knot'), (NULL, 'ruff');
