INSERT INTO notes VALUES (1, 'eggs', 0, 'list'), (2, 'tea', 4, NULL);
