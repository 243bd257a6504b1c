CREATE TABLE old(id integer, v text);
CREATE TABLE new(id integer, v text, w text);
