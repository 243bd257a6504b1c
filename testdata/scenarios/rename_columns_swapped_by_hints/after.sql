CREATE TABLE pairs(
  a TEXT, -- whimbrel: renamed from b
  b TEXT  -- whimbrel: renamed from a
);
