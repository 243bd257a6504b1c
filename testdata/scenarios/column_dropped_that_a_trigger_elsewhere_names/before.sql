CREATE TABLE sites(id INTEGER PRIMARY KEY, n INT, last TEXT);
CREATE TABLE visits(site INT);
CREATE TRIGGER visited AFTER INSERT ON visits BEGIN UPDATE sites SET n = n + 1, last = 'now' WHERE id = new.site; END;
