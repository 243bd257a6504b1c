INSERT INTO people VALUES (8);
INSERT INTO jobs VALUES (1, false), (2, true);
