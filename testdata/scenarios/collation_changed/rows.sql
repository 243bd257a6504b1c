INSERT INTO t VALUES (1, 'ada@x', 'Ada  '), (2, NULL, 'Bob');
