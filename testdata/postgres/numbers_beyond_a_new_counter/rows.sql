INSERT INTO plain VALUES (101);
INSERT INTO down VALUES (-1001);
INSERT INTO given(n) SELECT 'x' FROM generate_series(1, 101);
DELETE FROM given;
INSERT INTO owned(n) SELECT 'x' FROM generate_series(1, 101);
DELETE FROM owned WHERE id > 5;
INSERT INTO converted VALUES ('101');
INSERT INTO fits VALUES (100);
