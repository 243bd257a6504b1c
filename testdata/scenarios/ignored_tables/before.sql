CREATE TABLE t(id INTEGER PRIMARY KEY);
CREATE TABLE legacy_birds(n INT, note TEXT);
CREATE INDEX legacy_names ON legacy_birds(note);
CREATE TABLE _xtmp(n INT);
