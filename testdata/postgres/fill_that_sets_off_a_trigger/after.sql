CREATE TABLE allowed(v text PRIMARY KEY);
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM allowed WHERE v = NEW.v) THEN RAISE 'not allowed'; END IF;
  RETURN NEW;
END $$;
CREATE TABLE t(
  id integer PRIMARY KEY,
  v text NOT NULL -- whimbrel: backfill 'none'
);
CREATE TRIGGER looked BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION look();
