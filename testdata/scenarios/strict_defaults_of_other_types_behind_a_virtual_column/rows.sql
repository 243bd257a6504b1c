INSERT INTO tins(size, label) VALUES (40, x'616263');
