INSERT INTO records VALUES (1, 'dawn');
