CREATE TABLE clubs(id INTEGER PRIMARY KEY, name TEXT, motto TEXT);
CREATE TABLE members(id INTEGER PRIMARY KEY, club INT REFERENCES clubs(id) ON DELETE CASCADE, name TEXT, mail TEXT);
CREATE TABLE fees(member INT REFERENCES members(id), cents TEXT);
CREATE TABLE obsolete(id INTEGER PRIMARY KEY, member INT REFERENCES members(id));
CREATE VIEW sizes AS SELECT club, count(*) AS members FROM members GROUP BY club;
CREATE TRIGGER members_gone AFTER DELETE ON members BEGIN DELETE FROM fees WHERE member = old.id; END;
CREATE INDEX members_club ON members(club);
