CREATE TABLE pages(id int PRIMARY KEY, content jsonb, clean jsonb, flags bit(8));
