CREATE TABLE t(id INTEGER PRIMARY KEY, picture BLOB) STRICT;
CREATE INDEX t_picture ON t(length(picture));
