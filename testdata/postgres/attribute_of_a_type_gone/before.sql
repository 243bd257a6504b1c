CREATE TYPE address AS (street text, zip integer);
CREATE TYPE place AS (home address);
CREATE TABLE t(id integer PRIMARY KEY, a address, p place);
