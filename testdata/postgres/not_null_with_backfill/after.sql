CREATE TABLE t(
  id integer PRIMARY KEY,
  a text NOT NULL, -- whimbrel: backfill 'none'
  b integer NOT NULL DEFAULT 7,
  c uuid NOT NULL DEFAULT gen_random_uuid()
);
