INSERT INTO rings VALUES (1, 'first', 'second', 'third');
