-- Your data, before the change:

-- rename column body to text (notes)
ALTER TABLE notes RENAME COLUMN body TO text;

-- Your data, after the change:

