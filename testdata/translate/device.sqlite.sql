PRAGMA application_id = 7;

CREATE TABLE lists (
  id INTEGER PRIMARY KEY,
  name VARCHAR(50) NOT NULL UNIQUE ON CONFLICT REPLACE,
  mail TEXT COLLATE NOCASE,
  code TEXT COLLATE RTRIM,
  "group" TEXT DEFAULT NULL CHECK ("group" IS NULL OR lists."group" <> ''),
  created DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  done BOOLEAN DEFAULT FALSE,
  flag INTEGER CHECK (flag IN (0, 1)),
  big INT,
  price DECIMAL(10, 2) DEFAULT '',
  url STRING NOT NULL DEFAULT 'http://localhost',
  mask INTEGER NOT NULL DEFAULT 0x10 CHECK (mask & 0xff > 1),
  anything,
  length GENERATED ALWAYS AS (length(name) + 1) VIRTUAL,
  half REAL AS (big / 2) STORED,
  CHECK (flag),
  CHECK (flag = 1 OR big BETWEEN 1 AND 5),
  CHECK (typeof(big) = 'integer'),
  CHECK (name LIKE 'a%'),
  CHECK (mail > 5),
  CHECK (done = (big > 3))
);

CREATE TABLE items (
  id TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))),
  list_id INTEGER REFERENCES lists ON DELETE CASCADE,
  other_id TEXT REFERENCES lists(id),
  name TEXT REFERENCES lists(name),
  gone INTEGER REFERENCES nowhere(id),
  later INTEGER REFERENCES later(id) DEFERRABLE INITIALLY DEFERRED
) WITHOUT ROWID;

CREATE TABLE later (id INTEGER PRIMARY KEY AUTOINCREMENT, item TEXT REFERENCES items(id), n ANY, s TEXT CHECK (s GLOB '[a-z]*')) STRICT;

CREATE INDEX items_list ON items (list_id, lower(name) DESC) WHERE name IS NOT NULL;
CREATE INDEX items_nocase ON items (name COLLATE NOCASE);
CREATE INDEX items_json ON items (json_extract(name, '$.a'));
CREATE VIRTUAL TABLE search USING fts5(body);
CREATE VIEW names AS SELECT name FROM lists;
CREATE TRIGGER touch AFTER UPDATE ON lists BEGIN SELECT 1; END;

