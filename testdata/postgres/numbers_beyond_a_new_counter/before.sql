CREATE TABLE plain(id integer, n text);
CREATE TABLE down(id integer, n text);
CREATE TABLE given(id serial, n text);
CREATE TABLE owned(id bigint GENERATED ALWAYS AS IDENTITY, n text);
CREATE TABLE converted(id text, n text);
CREATE TABLE fits(id integer, n text);
