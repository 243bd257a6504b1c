CREATE TRIGGER birds_in AFTER INSERT ON birds BEGIN INSERT INTO log VALUES (new.name); END;
CREATE VIEW names AS SELECT upper(name) AS name FROM all_birds;
CREATE VIEW all_birds AS SELECT * FROM birds;
CREATE UNIQUE INDEX birds_name ON birds(name);
CREATE TABLE birds(id INTEGER PRIMARY KEY, name TEXT, place INTEGER REFERENCES places(id));
CREATE TABLE places(id INTEGER PRIMARY KEY);
CREATE TABLE log(note TEXT);
