CREATE TABLE base(v INT);
CREATE VIEW now_a_view AS SELECT v FROM base;
CREATE TABLE now_a_table(v INT);
