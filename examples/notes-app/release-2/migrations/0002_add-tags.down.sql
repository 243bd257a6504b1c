-- Lost on the way down: table tags

-- Your data, before the change:

-- tags: drop
DROP TABLE tags;

-- Your data, after the change:

