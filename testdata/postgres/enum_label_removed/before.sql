CREATE TYPE status AS ENUM ('new', 'open', 'done', 'gone');
CREATE TABLE jobs(id integer PRIMARY KEY, status status NOT NULL DEFAULT 'new', was status[]);
CREATE VIEW open_jobs AS SELECT id FROM jobs WHERE status = 'open';
CREATE INDEX jobs_done ON jobs(id) WHERE status = 'done';
