INSERT INTO nets VALUES (1), (2), (3);
