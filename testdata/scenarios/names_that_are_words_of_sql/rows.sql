INSERT INTO "if" VALUES (1, 'a'), (2, 'b');
INSERT INTO "column" VALUES ('x', 'y');
