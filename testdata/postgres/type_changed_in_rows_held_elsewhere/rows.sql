INSERT INTO t VALUES (1, 'one');
INSERT INTO h VALUES (1, ROW(1, 'a, "b"'), ARRAY[ROW(2, NULL)::t, NULL], ROW(3, 'y'), ROW(ROW(4, 'z')::t));
