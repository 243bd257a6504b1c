-- table notes: ~ text → body

-- Your data, before the change:

-- notes: rename column text to body
ALTER TABLE notes RENAME COLUMN text TO body;

-- Your data, after the change:

