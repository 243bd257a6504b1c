INSERT INTO pages VALUES ('x'); INSERT INTO pages_notes VALUES (5);
