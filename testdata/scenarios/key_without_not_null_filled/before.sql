CREATE TABLE rings(id INT PRIMARY KEY, bird TEXT);
CREATE TABLE places(name TEXT, bird TEXT, PRIMARY KEY (name));
