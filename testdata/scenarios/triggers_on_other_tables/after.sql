CREATE TABLE sites(id INTEGER PRIMARY KEY, hits INT NOT NULL CHECK (hits >= 0) UNIQUE);
CREATE TABLE visits(site INT);
CREATE TABLE totals(n INT);
CREATE TRIGGER visits_count AFTER INSERT ON visits BEGIN UPDATE sites SET hits = hits + 1 WHERE id = new.site; END;
CREATE TRIGGER sites_gone AFTER DELETE ON sites BEGIN UPDATE totals SET n = n - 1; DELETE FROM visits WHERE site = old.id; END;
CREATE TRIGGER sites_new AFTER INSERT ON sites BEGIN UPDATE totals SET n = n + 1; END;
