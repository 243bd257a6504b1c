CREATE TABLE pages(id int PRIMARY KEY, content json, clean json, flags bit(4));
