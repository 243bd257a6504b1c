INSERT INTO t VALUES (1, 'Ada@x'), (2, 'ada@X'), (3, 'bob@x');
