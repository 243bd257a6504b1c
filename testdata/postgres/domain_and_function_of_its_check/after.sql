CREATE FUNCTION is_mail(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 LIKE '%@%' $$;
CREATE DOMAIN mail AS text CONSTRAINT well_formed CHECK (is_mail(VALUE));
CREATE TABLE t(id integer PRIMARY KEY, mail mail);
