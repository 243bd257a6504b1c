INSERT INTO bands VALUES (1, 'Kraftwerk', 'DE', 1970), (2, 'Can', NULL, NULL);
INSERT INTO albums VALUES (3, 1, 'Autobahn', 1974), (5, 2, 'Tago Mago', 1971), (9, 2, 'Ege Bamyasi', NULL);
