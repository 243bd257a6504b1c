INSERT INTO counts VALUES ('12'), (NULL), ('many');
