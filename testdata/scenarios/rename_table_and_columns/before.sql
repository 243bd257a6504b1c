CREATE TABLE observers(id INTEGER PRIMARY KEY, mail TEXT, age TEXT, fax TEXT);
CREATE UNIQUE INDEX observers_mail ON observers(mail);
