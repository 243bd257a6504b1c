INSERT INTO "order" VALUES ('x', 1, 'k', 3);
