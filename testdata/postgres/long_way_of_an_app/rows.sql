INSERT INTO accounts(mail, role, settings) SELECT 'u' || g || '@x.y', 'admin', '{"a": 1}' FROM generate_series(1, 20) g;
INSERT INTO notes(account, title, body, tags, stars) SELECT 1 + g % 20, 't' || g, 'b', ARRAY['x', 'y'], g % 5 FROM generate_series(1, 300) g;
