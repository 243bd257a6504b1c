CREATE TABLE stations(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE stations_v2(id INTEGER PRIMARY KEY, name TEXT, height REAL);
CREATE TABLE visits(station INTEGER REFERENCES stations(id));
