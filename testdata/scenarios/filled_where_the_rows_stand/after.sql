CREATE TABLE bands(id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT, founded INTEGER);
CREATE TABLE albums(
  id INTEGER PRIMARY KEY, band INTEGER REFERENCES bands(id), title TEXT NOT NULL, year INTEGER CHECK (year > 1900),
  letters INTEGER NOT NULL DEFAULT 0, -- whimbrel: backfill length(title)
  plain TEXT DEFAULT 'plain' CHECK (plain <> ''),
  home TEXT, -- whimbrel: backfill (SELECT country FROM bands WHERE bands.id = band)
  origin INTEGER REFERENCES bands(id), -- whimbrel: backfill band
  slug TEXT NOT NULL ON CONFLICT FAIL -- whimbrel: backfill lower(replace(title, ' ', '-'))
);
CREATE UNIQUE INDEX albums_title ON albums(title, band);
CREATE INDEX albums_year ON albums(year DESC) WHERE year IS NOT NULL;
CREATE INDEX albums_slug ON albums(slug);
CREATE TRIGGER albums_added AFTER INSERT ON albums BEGIN UPDATE bands SET founded = min(coalesce(founded, new.year), new.year) WHERE id = new.band; END;
CREATE VIEW titles AS SELECT title FROM albums;
