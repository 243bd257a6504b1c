CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, mail TEXT DEFAULT 'none', team INTEGER REFERENCES teams(id), UNIQUE (name, team));
CREATE TABLE teams(id INTEGER PRIMARY KEY, name TEXT);
CREATE INDEX people_mail ON people(mail);
CREATE INDEX people_long ON people(length(mail)) WHERE name IS NULL;
