CREATE TABLE users(id integer PRIMARY KEY, mail text NOT NULL, CHECK (mail LIKE '%@%'));
CREATE INDEX users_mail ON users(lower(mail));
CREATE VIEW addresses AS SELECT id, mail FROM users;
CREATE FUNCTION mail_of(u users) RETURNS text LANGUAGE sql AS $$ SELECT u.mail $$;
