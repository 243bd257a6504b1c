-- Your data, before the change:

-- Nothing is lost: the title goes back into the text.
UPDATE notes SET body = title || iif(body = '', '', char(10) || body);

-- drop title (notes)
ALTER TABLE notes DROP COLUMN title;

-- Your data, after the change:

