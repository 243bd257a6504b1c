CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER CHECK (typeof(n) = 'integer'));
