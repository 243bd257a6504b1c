INSERT INTO t SELECT g, CASE WHEN g % 2 = 0 THEN 'x' END, NULL FROM generate_series(1, 20) g;
