CREATE TABLE "a ""b"""([c d] VARCHAR(10, 2), `e` , "f" GENERATED ALWAYS AS ("e" || 'x') STORED, g AS (length(f)) VIRTUAL NOT NULL);
CREATE TABLE t(a DEFAULT (1 + (2)), b LONG TEXT NULL, c DEFAULT +1.5e3, d DEFAULT true, "check" TEXT, key INT, CHECK (a IN (1, 2)) ON CONFLICT FAIL);
