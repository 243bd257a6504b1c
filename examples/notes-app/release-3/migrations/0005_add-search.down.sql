-- Your data, before the change:

-- drop (notes_added)
DROP TRIGGER notes_added;
-- drop (notes_removed)
DROP TRIGGER notes_removed;
-- drop (notes_changed)
DROP TRIGGER notes_changed;
-- drop (notes_open)
DROP INDEX notes_open;
-- drop (notes_search)
DROP TABLE notes_search;

-- Your data, after the change:

