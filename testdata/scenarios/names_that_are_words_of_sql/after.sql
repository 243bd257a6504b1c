CREATE TABLE "if"(id INTEGER PRIMARY KEY, "cast" TEXT NOT NULL CHECK ("cast" <> ''), "if" INT);
CREATE INDEX "column" ON "if"("cast" DESC, "if");
CREATE TABLE "case"("column" TEXT, "cast" INT);
CREATE VIEW "cast" AS SELECT "cast", "if" FROM "if";
