INSERT INTO _whimbrel_virtual VALUES (1);
INSERT INTO found VALUES ('sand');
