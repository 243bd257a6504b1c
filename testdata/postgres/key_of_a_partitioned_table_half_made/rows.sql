INSERT INTO p SELECT i, 1 + i % 2, i FROM generate_series(1, 10) i;
