CREATE TABLE notes(body TEXT, n INT NOT NULL DEFAULT 0 CHECK (n >= 0), UNIQUE (body));
CREATE VIRTUAL TABLE found USING fts5(body, content = 'notes');
