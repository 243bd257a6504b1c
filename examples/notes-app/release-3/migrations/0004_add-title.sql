-- table notes: + title TEXT NOT NULL DEFAULT ''

-- Your data, before the change:

-- add title TEXT NOT NULL DEFAULT '' (notes)
ALTER TABLE notes ADD COLUMN title   TEXT NOT NULL DEFAULT '';

-- Your data, after the change:

-- The first line becomes the title; the rest stays. Every row is meant.
-- whimbrel: lint-ignore L05
UPDATE notes SET
  title = substr(body, 1, instr(body || char(10), char(10)) - 1),
  body  = substr(body, instr(body || char(10), char(10)) + 1);
