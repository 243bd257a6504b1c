INSERT INTO people VALUES (1, 'ada@x.org'), (2, NULL);
