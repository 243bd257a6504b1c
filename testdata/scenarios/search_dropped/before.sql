CREATE VIRTUAL TABLE pages USING fts5(title);
CREATE TABLE pages_notes(n INT);
CREATE TABLE pages_data2(n INT);
