CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT);
CREATE VIEW names AS SELECT id, name FROM people;
CREATE TRIGGER names_insert INSTEAD OF INSERT ON names BEGIN INSERT INTO people(name) VALUES (new.name); END;
CREATE TRIGGER names_update INSTEAD OF UPDATE OF name ON names BEGIN UPDATE people SET name = new.name WHERE id = old.id; END;
