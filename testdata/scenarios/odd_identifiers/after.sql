CREATE TABLE "drop table x; --"("semi;colon" INTEGER PRIMARY KEY, "-- no comment" TEXT UNIQUE, "/* nor this */" TEXT, "it's" TEXT DEFAULT 'default' NOT NULL);
CREATE TABLE "log ""of"" [all] `things`"("new "" id" INT);
CREATE INDEX "i'm an index" ON "drop table x; --"("-- no comment");
CREATE TRIGGER "🐦 fires" AFTER INSERT ON "drop table x; --" BEGIN
  INSERT INTO "log ""of"" [all] `things`" VALUES (new."semi;colon");
END;
CREATE VIEW [a view.with dots] AS SELECT "-- no comment" AS "größe" FROM "drop table x; --";
