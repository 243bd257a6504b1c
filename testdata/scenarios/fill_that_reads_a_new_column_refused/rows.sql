INSERT INTO words(word) VALUES ('wader'), ('gull');
