INSERT INTO stations VALUES (1, 'old tower');
INSERT INTO stations_v2 VALUES (1, 'tower', 12.5);
INSERT INTO visits VALUES (1);
