-- Lost on the way down: virtual table notes_search

-- Your data, before the change:

-- notes_added: drop
DROP TRIGGER notes_added;
-- notes_removed: drop
DROP TRIGGER notes_removed;
-- notes_changed: drop
DROP TRIGGER notes_changed;
-- notes_open: drop
DROP INDEX notes_open;
-- notes_search: drop
DROP TABLE notes_search;

-- Your data, after the change:

