INSERT INTO users(name) VALUES ('a'), ('b');
INSERT INTO posts(author) VALUES (2);
