-- table notes: ~ text → body

-- Your data, before the change:

-- rename column text to body (notes)
ALTER TABLE notes RENAME COLUMN text TO body;

-- Your data, after the change:

