INSERT INTO notes(id, body) VALUES (2, 'sand'), (9, 'running on mud');
INSERT INTO notes_search(notes_search) VALUES ('rebuild');
