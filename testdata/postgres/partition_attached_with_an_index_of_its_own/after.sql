CREATE TABLE whole(id integer, name text, note text) PARTITION BY LIST (name);
CREATE TABLE part(id integer, name text, note text);
ALTER TABLE whole ATTACH PARTITION part FOR VALUES IN ('a');
CREATE INDEX whole_index ON whole(name, note);
CREATE INDEX part_index ON part(name, note);
CREATE TABLE beside(id integer PRIMARY KEY);
