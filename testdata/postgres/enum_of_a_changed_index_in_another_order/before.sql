CREATE TYPE seen AS ENUM ('nobody', 'all');
CREATE TABLE t(id integer NOT NULL, seen seen NOT NULL DEFAULT 'all', n integer);
CREATE INDEX t_n ON t (n) WHERE seen = 'all';
CREATE INDEX t_id ON t (id, n);
