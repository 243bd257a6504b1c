CREATE TABLE people(id integer PRIMARY KEY);
CREATE TABLE jobs(id integer PRIMARY KEY, paused boolean NOT NULL);
