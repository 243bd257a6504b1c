INSERT INTO t(a) SELECT 'x' FROM generate_series(1, 10);
DELETE FROM t WHERE id > 7;
