-- Lost on the way down: table notes

-- Your data, before the change:

-- notes: drop
DROP TABLE notes;

-- Your data, after the change:

