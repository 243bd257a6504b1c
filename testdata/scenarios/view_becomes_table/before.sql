CREATE TABLE base(v INT);
CREATE TABLE now_a_view(v INT);
CREATE VIEW now_a_table AS SELECT v FROM base;
