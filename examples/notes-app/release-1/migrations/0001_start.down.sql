-- Lost on the way down: table notes

-- Your data, before the change:

-- drop (notes)
DROP TABLE notes;

-- Your data, after the change:

