CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, full_name TEXT);
