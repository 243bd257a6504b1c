CREATE TABLE t(id integer PRIMARY KEY, n bigint, twice integer GENERATED ALWAYS AS (n * 2) STORED);
