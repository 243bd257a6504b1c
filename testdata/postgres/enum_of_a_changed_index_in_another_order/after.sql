CREATE TYPE seen AS ENUM ('all', 'nobody');
CREATE TABLE t(id bigint NOT NULL, seen seen NOT NULL DEFAULT 'all', n integer);
CREATE INDEX t_n ON t (n, id) WHERE seen = 'all';
CREATE INDEX t_id ON t (id);
