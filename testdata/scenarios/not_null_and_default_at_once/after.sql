CREATE TABLE crabs(id INTEGER PRIMARY KEY, name TEXT CHECK (name <> ''), state TEXT NOT NULL DEFAULT 'new', legs INT DEFAULT 10, shell);
CREATE INDEX crabs_name ON crabs(name);
