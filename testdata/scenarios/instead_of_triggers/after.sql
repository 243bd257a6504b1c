CREATE TABLE persons(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE VIEW names AS SELECT id, name FROM persons;
CREATE TRIGGER names_insert INSTEAD OF INSERT ON names BEGIN INSERT INTO persons(name) VALUES (new.name); END;
CREATE TRIGGER names_update INSTEAD OF UPDATE OF name ON names BEGIN UPDATE persons SET name = new.name WHERE id = old.id; END;
