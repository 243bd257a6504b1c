CREATE TABLE base(id integer, made date DEFAULT '2026-01-01', gone text);
CREATE TABLE child(extra text, PRIMARY KEY (id)) INHERITS (base);
