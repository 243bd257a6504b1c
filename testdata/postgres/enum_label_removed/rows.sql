INSERT INTO jobs VALUES (1, 'new', '{new}'), (2, 'open', NULL), (3, 'done', '{}');
