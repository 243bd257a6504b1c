INSERT INTO birds VALUES (3, 'curlew', x'00ff'), (7, 'ruff', NULL);
