INSERT INTO found(title, body) VALUES ('a', 'sand'), ('b', 'mud');
