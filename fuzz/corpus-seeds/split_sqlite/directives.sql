-- whimbrel: backfill
UPDATE t SET a = 1 WHERE rowid IN (SELECT rowid FROM t WHERE a IS NULL LIMIT 10);
-- whimbrel: phase second
-- whimbrel: no-transaction
VACUUM; PRAGMA foreign_keys = OFF;
