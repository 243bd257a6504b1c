CREATE TABLE scores(player TEXT NOT NULL, game TEXT NOT NULL, played TEXT, points NUMERIC NOT NULL DEFAULT 0, PRIMARY KEY (player, game));
CREATE INDEX scores_played ON scores(played);
CREATE VIEW best AS SELECT player, max(points) AS points FROM scores GROUP BY player;
CREATE TABLE log(entry TEXT);
CREATE TRIGGER scores_added AFTER INSERT ON scores BEGIN INSERT INTO log VALUES (new.player || new.points); END;
