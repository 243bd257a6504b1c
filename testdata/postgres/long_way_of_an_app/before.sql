CREATE TYPE role AS ENUM ('admin', 'member');
CREATE TABLE accounts(id serial PRIMARY KEY, mail varchar(100) NOT NULL, role role DEFAULT 'member', settings json, created timestamp DEFAULT now());
CREATE TABLE notes(id serial PRIMARY KEY, account integer NOT NULL REFERENCES accounts(id), title varchar(200), body text, tags text[] DEFAULT '{}', stars integer);
CREATE INDEX notes_account ON notes(account);
CREATE VIEW note_counts AS SELECT a.mail, count(n.id) AS notes FROM accounts a LEFT JOIN notes n ON n.account = a.id GROUP BY a.mail;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION touch();
