CREATE TABLE odd("oid" TEXT COLLATE NOCASE NOT NULL, "rowid" BIGINT NOT NULL, "_rowid_" INT);
CREATE TABLE even("oid" TEXT, "rowid" TEXT, "_rowid_" TEXT);
