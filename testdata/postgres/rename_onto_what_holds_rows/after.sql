CREATE TABLE old(id integer, w text);
