INSERT INTO spring VALUES (1, 'was spring'); INSERT INTO autumn VALUES (9, 'was autumn'); INSERT INTO counts VALUES (1);
