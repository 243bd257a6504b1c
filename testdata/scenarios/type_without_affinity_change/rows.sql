INSERT INTO t VALUES ('1', '1.50', x'31'), (2, 3, 4), (NULL, 'z', 0.1);
