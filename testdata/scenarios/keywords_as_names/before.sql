CREATE TABLE "order"("select" TEXT, "group" INTEGER PRIMARY KEY, key TEXT, "table" INT);
CREATE INDEX "index" ON "order"("select", key);
