CREATE TYPE state AS ENUM ('open', 'it''s done');
CREATE TYPE number AS ENUM ('1', '2');
CREATE DOMAIN price AS numeric CHECK (VALUE >= 0);
CREATE DOMAIN name AS text NOT NULL;
CREATE DOMAIN amount AS integer;
CREATE TABLE notes(id integer PRIMARY KEY, state state, number number);
CREATE TABLE prices(id integer PRIMARY KEY, price price, name public.name, amount amount);
