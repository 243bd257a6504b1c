INSERT INTO tags VALUES ('Work');
INSERT INTO notes VALUES (1, 'work');
