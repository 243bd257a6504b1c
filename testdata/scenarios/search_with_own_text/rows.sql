INSERT INTO pages(rowid, title, body) VALUES (4, 'Godwit', 'running on mud'), (9, 'Knot', 'probing sand');
