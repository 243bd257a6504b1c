INSERT INTO allowed VALUES ('a'), ('none');
INSERT INTO t VALUES (1, 'a'), (2, NULL);
