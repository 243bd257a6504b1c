CREATE TABLE t(
  id INTEGER PRIMARY KEY, picture BLOB,
  thumbnail BLOB DEFAULT 42 -- whimbrel: backfill substr(picture, 1, 1)
) STRICT;
CREATE INDEX t_picture ON t(length(picture));
