CREATE TABLE first(a INT, c INT);
CREATE TABLE second(b INT);
CREATE UNIQUE INDEX second_b ON second(b);
