CREATE TABLE t(id INTEGER PRIMARY KEY, n INT, m INT, CONSTRAINT n_is_positive CHECK (n > 0), CHECK (m >= n));
