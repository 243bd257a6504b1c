CREATE TABLE "if"(id INTEGER PRIMARY KEY, kind TEXT CHECK (kind <> ''));
CREATE INDEX if_kind ON "if"(kind DESC);
CREATE TABLE "column"(old TEXT, "cast" TEXT);
