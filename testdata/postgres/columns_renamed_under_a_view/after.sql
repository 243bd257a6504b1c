CREATE TABLE people(id integer PRIMARY KEY, email text NOT NULL, CHECK (email LIKE '%@%'));
CREATE INDEX people_email ON people(lower(email));
CREATE VIEW addresses AS SELECT id, email FROM people;
CREATE FUNCTION mail_of(u people) RETURNS text LANGUAGE sql AS $$ SELECT u.email $$;
