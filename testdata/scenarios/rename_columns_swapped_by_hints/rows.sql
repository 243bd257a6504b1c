INSERT INTO pairs VALUES ('one', 'two');
