INSERT INTO yes(id, d) VALUES (2, 2), (3, 1), (4, 'true');
INSERT INTO no(id, d) VALUES (2, 0), (3, NULL);
INSERT INTO half(id, d) VALUES (2, 0.2);
INSERT INTO moment(id, d) VALUES (2, '2026-01-01');
INSERT INTO call(id, d) VALUES (2, '2026');
INSERT INTO both(id, d, e) VALUES (2, 6, 0);
