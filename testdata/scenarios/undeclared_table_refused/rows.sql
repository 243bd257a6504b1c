INSERT INTO diary VALUES ('a'), ('b'), ('c');
