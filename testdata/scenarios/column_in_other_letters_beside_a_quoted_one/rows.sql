INSERT INTO notes VALUES (1, 'a');
INSERT INTO others VALUES (1, 'b');
