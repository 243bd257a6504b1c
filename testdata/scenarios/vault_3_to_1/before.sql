-- Version 3: owners are accounts, teams have groups, sessions are gone, events count up and are STRICT.
-- whimbrel: renamed from owner
CREATE TABLE account(
  uuid TEXT NOT NULL PRIMARY KEY,
  created_at DATETIME NOT NULL,
  updated_at DATETIME NOT NULL DEFAULT '1970-01-01',
  email TEXT COLLATE NOCASE NOT NULL UNIQUE,
  name TEXT NOT NULL,
  password_hash BLOB NOT NULL,
  salt BLOB NOT NULL,
  rounds INTEGER NOT NULL DEFAULT 600000 CHECK (rounds >= 1000),
  password_hint TEXT,
  akey TEXT NOT NULL,
  totp_secret TEXT,
  enabled BOOLEAN NOT NULL DEFAULT 1,
  stamp TEXT NOT NULL -- whimbrel: backfill 'stamp-' || uuid
);
CREATE TABLE gadget(uuid TEXT NOT NULL, owner_uuid TEXT NOT NULL REFERENCES account(uuid) ON DELETE CASCADE, name TEXT NOT NULL, kind INTEGER NOT NULL, push_token TEXT, push_uuid TEXT UNIQUE, refresh_token TEXT NOT NULL, PRIMARY KEY (uuid, owner_uuid)) WITHOUT ROWID;
CREATE TABLE folder(uuid TEXT NOT NULL PRIMARY KEY, created_at DATETIME NOT NULL, owner_uuid TEXT NOT NULL REFERENCES account(uuid) ON DELETE CASCADE, name TEXT NOT NULL);
CREATE TABLE team(uuid VARCHAR(40) NOT NULL PRIMARY KEY, name TEXT NOT NULL, billing_email TEXT NOT NULL, private_key TEXT, public_key TEXT, CHECK ((private_key IS NULL) = (public_key IS NULL)));
CREATE TABLE item(
  uuid TEXT NOT NULL PRIMARY KEY,
  created_at DATETIME NOT NULL,
  owner_uuid TEXT REFERENCES account(uuid) ON DELETE CASCADE,
  team_uuid TEXT REFERENCES team(uuid) ON DELETE CASCADE,
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  notes TEXT,
  fields TEXT,
  data TEXT NOT NULL,
  deleted_at DATETIME,
  reprompt INTEGER NOT NULL DEFAULT 0,
  akey TEXT,
  CHECK (owner_uuid IS NOT NULL OR team_uuid IS NOT NULL)
);
CREATE TABLE favourite(owner_uuid TEXT NOT NULL REFERENCES account(uuid) ON DELETE CASCADE, item_uuid TEXT NOT NULL REFERENCES item(uuid) ON DELETE CASCADE, PRIMARY KEY (owner_uuid, item_uuid)) WITHOUT ROWID;
CREATE TABLE folder_item(folder_uuid TEXT NOT NULL REFERENCES folder(uuid) ON DELETE CASCADE, item_uuid TEXT NOT NULL REFERENCES item(uuid) ON DELETE CASCADE, PRIMARY KEY (folder_uuid, item_uuid));
CREATE TABLE attachment(id TEXT NOT NULL PRIMARY KEY, item_uuid TEXT NOT NULL REFERENCES item(uuid) ON DELETE CASCADE, file_name TEXT NOT NULL, file_size BIGINT NOT NULL, akey TEXT);
CREATE TABLE shelf(uuid VARCHAR(40) NOT NULL PRIMARY KEY, team_uuid VARCHAR(40) NOT NULL REFERENCES team(uuid) ON DELETE CASCADE, name TEXT NOT NULL, external_id TEXT);
CREATE TABLE item_shelf(item_uuid TEXT NOT NULL REFERENCES item(uuid) ON DELETE CASCADE, shelf_uuid TEXT NOT NULL REFERENCES shelf(uuid) ON DELETE CASCADE, PRIMARY KEY (item_uuid, shelf_uuid));
CREATE TABLE owner_shelf(owner_uuid TEXT NOT NULL REFERENCES account(uuid) ON DELETE CASCADE, shelf_uuid TEXT NOT NULL REFERENCES shelf(uuid) ON DELETE CASCADE, read_only BOOLEAN NOT NULL DEFAULT 0, hide_passwords BOOLEAN NOT NULL DEFAULT FALSE, manage BOOLEAN NOT NULL DEFAULT FALSE, PRIMARY KEY (owner_uuid, shelf_uuid));
CREATE TABLE member(uuid TEXT NOT NULL PRIMARY KEY, owner_uuid TEXT NOT NULL REFERENCES account(uuid) ON DELETE CASCADE, team_uuid TEXT NOT NULL REFERENCES team(uuid) ON DELETE CASCADE, akey TEXT NOT NULL DEFAULT '', status INTEGER NOT NULL, kind INTEGER NOT NULL, UNIQUE (owner_uuid, team_uuid));
CREATE TABLE crew(uuid TEXT NOT NULL PRIMARY KEY, team_uuid TEXT NOT NULL REFERENCES team(uuid) ON DELETE CASCADE, name TEXT NOT NULL);
CREATE TABLE crew_member(crew_uuid TEXT NOT NULL REFERENCES crew(uuid) ON DELETE CASCADE, member_uuid TEXT NOT NULL REFERENCES member(uuid) ON DELETE CASCADE, PRIMARY KEY (crew_uuid, member_uuid));
CREATE TABLE invitation(email TEXT NOT NULL PRIMARY KEY COLLATE NOCASE);
CREATE TABLE policy(uuid TEXT NOT NULL PRIMARY KEY, team_uuid TEXT NOT NULL REFERENCES team(uuid) ON DELETE CASCADE, kind INTEGER NOT NULL, enabled BOOLEAN NOT NULL, data TEXT NOT NULL, UNIQUE (team_uuid, kind));
CREATE TABLE second_factor(uuid TEXT NOT NULL PRIMARY KEY, owner_uuid TEXT NOT NULL REFERENCES account(uuid) ON DELETE CASCADE, kind INTEGER NOT NULL, enabled BOOLEAN NOT NULL, data TEXT NOT NULL, last_used INTEGER NOT NULL DEFAULT 0, UNIQUE (owner_uuid, kind));
CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, who TEXT, item TEXT, at TEXT NOT NULL, ip TEXT) STRICT;
CREATE INDEX item_owner ON item(owner_uuid) WHERE deleted_at IS NULL;
CREATE INDEX event_at ON event(at DESC, kind);
CREATE INDEX crew_team ON crew(team_uuid);
CREATE VIEW live_item AS SELECT * FROM item WHERE deleted_at IS NULL;
CREATE VIEW shared_item AS SELECT l.uuid, l.name, s.shelf_uuid FROM live_item l JOIN item_shelf s ON s.item_uuid = l.uuid;
CREATE TRIGGER item_gone AFTER DELETE ON item BEGIN
  INSERT INTO event(kind, item, at) VALUES (CASE WHEN old.team_uuid IS NULL THEN 1 ELSE 2 END, old.uuid, 'now; or so');
END;
