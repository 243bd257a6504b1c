-- + table tags

-- Your data, before the change:

-- create (tags)
CREATE TABLE tags (
  note_id INTEGER NOT NULL REFERENCES notes(id) ON DELETE CASCADE,
  name    TEXT NOT NULL,
  PRIMARY KEY (note_id, name)
) WITHOUT ROWID;

-- Your data, after the change:

