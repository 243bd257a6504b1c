CREATE TABLE t(
  id INTEGER PRIMARY KEY, a INT, b INT,
  total INT GENERATED ALWAYS AS (a + b) VIRTUAL,
  label TEXT AS (a || '+' || b) STORED
);
CREATE INDEX t_total ON t(total);
