UPDATE notes SET body = title || iif(body = '', '', char(10) || body);

ALTER TABLE notes DROP COLUMN title;
