CREATE TABLE crabs(id INTEGER PRIMARY KEY, name TEXT, state TEXT, legs INT);
CREATE INDEX crabs_name ON crabs(name);
