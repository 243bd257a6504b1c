CREATE TABLE societies(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE members(id INTEGER PRIMARY KEY, society INT NOT NULL REFERENCES societies(id) ON DELETE RESTRICT, name TEXT, mail TEXT COLLATE NOCASE);
CREATE TABLE fees(member INT REFERENCES members(id) ON DELETE CASCADE, cents INT);
CREATE TABLE events(id INTEGER PRIMARY KEY, society INT REFERENCES societies(id));
CREATE VIEW sizes AS SELECT society, count(*) AS members FROM members GROUP BY society;
CREATE TRIGGER members_gone AFTER DELETE ON members BEGIN DELETE FROM fees WHERE member = old.id; INSERT INTO events(society) VALUES (old.society); END;
CREATE INDEX members_club ON members(society);
CREATE INDEX events_society ON events(society);
