CREATE TYPE status AS ENUM ('new', 'open', 'finished');
CREATE TABLE jobs(id integer PRIMARY KEY, status status NOT NULL DEFAULT 'open');
