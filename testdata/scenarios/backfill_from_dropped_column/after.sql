CREATE TABLE people(
  id INTEGER PRIMARY KEY,
  -- whimbrel: backfill CASE WHEN instr(name, ' ') THEN substr(name, 1, instr(name, ' ') - 1) ELSE name END
  given TEXT NOT NULL,
  -- whimbrel: backfill CASE WHEN instr(name, ' ') THEN substr(name, instr(name, ' ') + 1) ELSE '' END
  family TEXT NOT NULL
);
