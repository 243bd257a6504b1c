CREATE TABLE sightings(id INTEGER PRIMARY KEY, seen TEXT, n INT, place TEXT);
