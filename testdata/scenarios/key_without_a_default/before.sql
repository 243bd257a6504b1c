CREATE TABLE rings(id INT, bird TEXT);
CREATE TABLE places(name TEXT, bird TEXT);
