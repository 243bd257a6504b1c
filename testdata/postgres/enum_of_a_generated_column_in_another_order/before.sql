CREATE TYPE e AS ENUM ('a', 'b', 'c');
CREATE TABLE t(id integer PRIMARY KEY, a e DEFAULT 'a', r e GENERATED ALWAYS AS (CASE WHEN id > 1 THEN 'a'::e ELSE 'c'::e END) STORED);
