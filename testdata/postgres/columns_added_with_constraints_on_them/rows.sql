INSERT INTO people VALUES (7);
INSERT INTO jobs VALUES (1, false), (2, false);
