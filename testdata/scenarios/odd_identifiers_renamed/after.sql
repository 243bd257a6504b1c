CREATE TABLE "new table"("c.d" INTEGER PRIMARY KEY, n TEXT);
CREATE TABLE child(ref INTEGER REFERENCES "new table"("c.d"));
