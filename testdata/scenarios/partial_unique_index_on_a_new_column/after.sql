CREATE TABLE pictures(id INTEGER PRIMARY KEY, album INT, cover INT NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX one_cover ON pictures(album, cover) WHERE cover = 1;
