INSERT INTO nests VALUES ('1', 'a'), ('20', 'b'); INSERT INTO eggs VALUES (1, '1'), (2, '20'), (3, '20'), (4, NULL);
