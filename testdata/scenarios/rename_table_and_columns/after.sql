CREATE TABLE people(id INTEGER PRIMARY KEY, email TEXT, age INTEGER, city TEXT DEFAULT 'Husum');
CREATE UNIQUE INDEX observers_mail ON people(email);
