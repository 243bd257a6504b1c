CREATE TABLE "order"("select" TEXT NOT NULL CHECK ("select" <> 'from'), "group" INTEGER PRIMARY KEY, key TEXT, "table" INT, abort INT DEFAULT 9, UNIQUE (key, "table"));
CREATE INDEX "index" ON "order"("select", key);
