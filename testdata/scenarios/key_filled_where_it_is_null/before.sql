CREATE TABLE rings(id INT, bird TEXT);
