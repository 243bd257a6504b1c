-- Your data, before the change:

-- notes: rename column body to text
ALTER TABLE notes RENAME COLUMN body TO text;

-- Your data, after the change:

