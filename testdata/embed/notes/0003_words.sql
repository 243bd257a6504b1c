ALTER TABLE notes ADD COLUMN words INTEGER;

-- whimbrel: backfill
UPDATE notes SET words = length(body) - length(replace(body, ' ', '')) + 1
 WHERE id IN (SELECT id FROM notes WHERE words IS NULL LIMIT 1000);
