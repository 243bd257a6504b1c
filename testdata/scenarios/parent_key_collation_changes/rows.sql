INSERT INTO tags VALUES ('work'), ('home');
INSERT INTO notes VALUES (1, 'Work'), (2, 'home');
