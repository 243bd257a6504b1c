INSERT INTO "drop table x; --" VALUES (1, 'a', 'x'), (2, 'b', NULL);
DELETE FROM "log ""of"" [all] `things`";
