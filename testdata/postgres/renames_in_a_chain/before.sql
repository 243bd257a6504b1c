CREATE TABLE t(id integer, a text, b text);
CREATE TABLE x(v text);
CREATE TABLE y(v text);
