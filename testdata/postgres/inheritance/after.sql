CREATE TABLE base(id integer, made date DEFAULT '2026-06-01', kind integer NOT NULL DEFAULT 3);
CREATE TABLE child(extra varchar(10), PRIMARY KEY (id)) INHERITS (base);
