CREATE TYPE how AS ENUM ('late', 'never');
CREATE TABLE people(id integer PRIMARY KEY);
CREATE TABLE jobs(
  id     integer PRIMARY KEY,
  paused boolean NOT NULL,
  resume how,
  owner  integer NOT NULL DEFAULT 7 REFERENCES people (id),
  rank   smallint DEFAULT 3 CHECK (rank > 0),
  code   text UNIQUE,
  made   uuid UNIQUE DEFAULT gen_random_uuid(),
  CONSTRAINT paused_says_how CHECK (paused = (resume IS NOT NULL))
);
CREATE UNIQUE INDEX jobs_rank ON jobs (rank);
