CREATE TABLE "p""t.old"("a.b" INTEGER PRIMARY KEY, n TEXT);
CREATE TABLE child(ref INTEGER REFERENCES "p""t.old"("a.b"));
