INSERT INTO t(_rowid_, rowid, oid) VALUES (44, 'a', 'b');
