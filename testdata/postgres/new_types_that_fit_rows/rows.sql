INSERT INTO notes VALUES (1, 'open', 1, 5), (2, 'it''s done', NULL, NULL);
INSERT INTO parts VALUES (1, 'open'), (2, NULL);
