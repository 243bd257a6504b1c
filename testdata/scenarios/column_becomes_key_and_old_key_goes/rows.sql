INSERT INTO lands VALUES (5, 'nl', 'Netherlands'), (6, 'de', 'Germany'); INSERT INTO towns VALUES ('Texel', 'nl');
