INSERT INTO "p""t.old" VALUES (5, 'x'); INSERT INTO child VALUES (5);
