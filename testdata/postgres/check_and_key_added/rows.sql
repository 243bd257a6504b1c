INSERT INTO authors SELECT g, 'a' || g FROM generate_series(1, 50) g;
INSERT INTO books SELECT g, 1 + g % 50, 't' || g, g FROM generate_series(1, 500) g;
