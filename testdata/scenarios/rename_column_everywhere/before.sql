CREATE TABLE stock(
  id INTEGER PRIMARY KEY,
  code TEXT NOT NULL CHECK (length(code) > 2),
  upper_code TEXT AS (upper(code)) VIRTUAL,
  UNIQUE (code)
);
CREATE INDEX stock_long ON stock(length(code)) WHERE code IS NOT NULL;
CREATE TABLE orders(id INTEGER PRIMARY KEY, code TEXT REFERENCES stock(code) ON UPDATE CASCADE);
CREATE VIEW stock_codes AS SELECT s.code FROM stock AS s ORDER BY s.code;
CREATE TRIGGER stock_code AFTER UPDATE OF code ON stock WHEN old.code <> new.code BEGIN
  UPDATE orders SET code = new.code WHERE code = old.code;
END;
