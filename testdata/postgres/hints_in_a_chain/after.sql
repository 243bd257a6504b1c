CREATE TABLE t(
  id integer,
  b text, -- whimbrel: renamed from a
  c text -- whimbrel: renamed from b
);
