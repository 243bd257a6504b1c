DROP TRIGGER notes_changed;
DROP TRIGGER notes_removed;
DROP TRIGGER notes_added;
DROP TABLE notes_search;
DROP INDEX notes_open;
