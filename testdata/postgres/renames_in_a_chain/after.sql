CREATE TABLE t(id integer, b text, c text);
CREATE TABLE y(v text);
CREATE TABLE z(v text);
