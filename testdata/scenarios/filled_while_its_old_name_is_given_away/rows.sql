INSERT INTO notes VALUES (1, 'eggs', 'ada'), (4, 'tea', NULL);
