CREATE TABLE rings(
  code BIGINT,
  id INTEGER, -- whimbrel: backfill code
  PRIMARY KEY (id DESC)
);
