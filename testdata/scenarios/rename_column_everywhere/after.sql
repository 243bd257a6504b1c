CREATE TABLE stock(
  id INTEGER PRIMARY KEY,
  sku TEXT NOT NULL CHECK (length(sku) > 2),
  upper_code TEXT AS (upper(sku)) VIRTUAL,
  UNIQUE (sku)
);
CREATE INDEX stock_long ON stock(length(sku)) WHERE sku IS NOT NULL;
CREATE TABLE orders(id INTEGER PRIMARY KEY, code TEXT REFERENCES stock(sku) ON UPDATE CASCADE);
CREATE VIEW stock_codes AS SELECT s.sku FROM stock AS s ORDER BY s.sku;
CREATE TRIGGER stock_code AFTER UPDATE OF sku ON stock WHEN old.sku <> new.sku BEGIN
  UPDATE orders SET code = new.sku WHERE code = old.sku;
END;
