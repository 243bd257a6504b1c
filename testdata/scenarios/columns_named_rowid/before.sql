CREATE TABLE t(rowid TEXT, oid TEXT);
