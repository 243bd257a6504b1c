ALTER TABLE notes ADD COLUMN title TEXT NOT NULL DEFAULT '';

-- The first line becomes the title; the rest stays.
UPDATE notes SET
  title = substr(body, 1, instr(body || char(10), char(10)) - 1),
  body  = substr(body, instr(body || char(10), char(10)) + 1);
