PRAGMA application_id = 77;
-- whimbrel: renamed from old
CREATE TABLE t(
  id INTEGER PRIMARY KEY, -- whimbrel: renamed from number
  n INT NOT NULL -- whimbrel: backfill coalesce(id, 1) * 2
);
