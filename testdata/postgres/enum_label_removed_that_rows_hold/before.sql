CREATE TYPE status AS ENUM ('new', 'open', 'done');
CREATE TABLE jobs(id integer PRIMARY KEY, status status NOT NULL DEFAULT 'new');
