INSERT INTO t(a, b, l) VALUES ('was a', 'was b', 'red'), ('a', 'b', 'green');
INSERT INTO u(x, s) VALUES ('x', 's');
