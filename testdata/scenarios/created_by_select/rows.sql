INSERT INTO source VALUES (2, 3.5, 'y', x'00');
