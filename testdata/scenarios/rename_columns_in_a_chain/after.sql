CREATE TABLE chain(
  id INTEGER PRIMARY KEY,
  b INT, -- whimbrel: renamed from a
  c INT  -- whimbrel: renamed from b
);
