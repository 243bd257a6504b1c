CREATE TABLE source(a INTEGER, b DECIMAL(4,1), c VARCHAR(9), d);
INSERT INTO source VALUES (1, 2.5, 'x', NULL);
CREATE TABLE copy AS SELECT *, a + b AS e FROM source;
