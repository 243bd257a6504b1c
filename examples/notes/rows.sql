-- Rows as an app leaves them behind: gaps in the ids, NULLs, quotes, and an id that was given out and deleted.

INSERT INTO notebooks(id, name) VALUES (1, 'Home'), (2, 'Field trips');

INSERT INTO notes(id, notebook_id, titel, body, created) VALUES
  (1, 1,    'Shopping',        'bread, milk',                 '2026-03-01'),
  (2, 1,    NULL,              'call O''Brien',               '2026-03-02'),
  (5, 2,    'Whimbrel',        'seven whistles, heading north', '2026-04-28'),
  (8, 2,    'Curlew',          NULL,                          NULL),
  (9, NULL, 'Loose end',       '',                            '2026-05-03'),
  (41, 1,   'Deleted tomorrow', 'x',                          '2026-05-04');

DELETE FROM notes WHERE id = 41;

INSERT INTO tags(note_id, tag) VALUES (1, 'weekly'), (5, 'birds'), (5, 'Spring'), (8, 'birds');
