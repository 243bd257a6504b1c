CREATE TABLE _whimbrel_virtual(n INT);
CREATE VIRTUAL TABLE found USING fts5(title);
