BEGIN; CREATE TABLE main.[order](abort, "values" INT, row, rows, replace, temp, end TEXT, 'q' INT, match); COMMIT;
CREATE INDEX main."select" ON [order]("values"); CREATE TEMP TABLE x(a); CREATE TABLE y AS SELECT 1;
