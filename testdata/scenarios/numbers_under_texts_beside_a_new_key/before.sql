CREATE TABLE t(x, y);
INSERT INTO t VALUES (5, 1), (9e999, 2), (0.1, 3), (-0.0, 4);
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = 'CREATE TABLE t(x TEXT, y)' WHERE name = 't';
PRAGMA schema_version = 1000;
PRAGMA writable_schema = OFF;
