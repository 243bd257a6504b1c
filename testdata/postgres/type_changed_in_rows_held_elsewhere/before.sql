CREATE TABLE t(a integer, b text);
CREATE TYPE c AS (x integer, y text);
CREATE TYPE cc AS (t t);
CREATE TABLE h(id integer, x t DEFAULT ROW(7, 'd'), y t[], v c, w cc, CONSTRAINT positive CHECK ((x).a > 0));
CREATE INDEX hi ON h(((x).b));
CREATE VIEW hv AS SELECT id, (x).a AS a FROM h;
