SELECT nextval('given');
INSERT INTO t(n) VALUES ('a');
