INSERT INTO nests VALUES (1, 'dune'), (2, 'marsh'); INSERT INTO eggs VALUES ('marsh'), ('dune');
