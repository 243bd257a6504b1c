CREATE TABLE members(
  id INTEGER PRIMARY KEY,
  email TEXT,
  -- whimbrel: backfill coalesce(substr(members.email, instr(email, '@') + 1), 'none')
  domain TEXT NOT NULL
);
