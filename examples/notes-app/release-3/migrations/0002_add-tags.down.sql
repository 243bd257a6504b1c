-- Lost on the way down: table tags

-- Your data, before the change:

-- drop (tags)
DROP TABLE tags;

-- Your data, after the change:

