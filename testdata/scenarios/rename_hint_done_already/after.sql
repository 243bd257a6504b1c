-- whimbrel: renamed from sightings
CREATE TABLE records(
  id INTEGER PRIMARY KEY,
  seen_at TEXT -- whimbrel: renamed from seen
);
