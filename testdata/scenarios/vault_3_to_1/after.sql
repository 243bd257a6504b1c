-- Version 1 of a password vault: owners, items, folders, teams and what is shared among them.
CREATE TABLE owner(
  uuid TEXT NOT NULL PRIMARY KEY,
  created_at DATETIME NOT NULL,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  password_hash BLOB NOT NULL,
  salt BLOB NOT NULL,
  rounds INTEGER NOT NULL,
  hint TEXT,
  akey TEXT NOT NULL,
  totp TEXT
);
CREATE TABLE gadget(uuid TEXT NOT NULL PRIMARY KEY, owner_uuid TEXT NOT NULL REFERENCES owner(uuid), name TEXT NOT NULL, kind INTEGER NOT NULL, push_token TEXT, refresh_token TEXT NOT NULL);
CREATE TABLE folder(uuid TEXT NOT NULL PRIMARY KEY, created_at DATETIME NOT NULL, owner_uuid TEXT NOT NULL REFERENCES owner(uuid), name TEXT NOT NULL);
CREATE TABLE team(uuid VARCHAR(40) NOT NULL PRIMARY KEY, name TEXT NOT NULL, billing_email TEXT NOT NULL);
CREATE TABLE item(
  uuid TEXT NOT NULL PRIMARY KEY,
  created_at DATETIME NOT NULL,
  owner_uuid TEXT REFERENCES owner(uuid),
  team_uuid TEXT REFERENCES team(uuid),
  folder_uuid TEXT REFERENCES folder(uuid),
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  notes TEXT,
  fields TEXT,
  data TEXT NOT NULL,
  favourite BOOLEAN NOT NULL
);
CREATE TABLE attachment(id TEXT NOT NULL PRIMARY KEY, item_uuid TEXT NOT NULL REFERENCES item(uuid), file_name TEXT NOT NULL, file_size INTEGER NOT NULL);
CREATE TABLE shelf(uuid VARCHAR(40) NOT NULL PRIMARY KEY, team_uuid VARCHAR(40) NOT NULL REFERENCES team(uuid), name TEXT NOT NULL);
CREATE TABLE item_shelf(item_uuid TEXT NOT NULL REFERENCES item(uuid), shelf_uuid TEXT NOT NULL REFERENCES shelf(uuid), PRIMARY KEY (item_uuid, shelf_uuid));
CREATE TABLE owner_shelf(owner_uuid TEXT NOT NULL REFERENCES owner(uuid), shelf_uuid TEXT NOT NULL REFERENCES shelf(uuid), read_only BOOLEAN NOT NULL DEFAULT 0, PRIMARY KEY (owner_uuid, shelf_uuid));
CREATE TABLE member(uuid TEXT NOT NULL PRIMARY KEY, owner_uuid TEXT NOT NULL REFERENCES owner(uuid), team_uuid TEXT NOT NULL REFERENCES team(uuid), akey TEXT, status INTEGER NOT NULL, kind INTEGER NOT NULL, UNIQUE (owner_uuid, team_uuid));
CREATE TABLE invitation(email TEXT NOT NULL PRIMARY KEY);
CREATE TABLE policy(uuid TEXT NOT NULL PRIMARY KEY, team_uuid TEXT NOT NULL REFERENCES team(uuid), kind INTEGER NOT NULL, enabled BOOLEAN NOT NULL, data TEXT NOT NULL, UNIQUE (team_uuid, kind));
CREATE TABLE second_factor(uuid TEXT NOT NULL PRIMARY KEY, owner_uuid TEXT NOT NULL REFERENCES owner(uuid), kind INTEGER NOT NULL, enabled BOOLEAN NOT NULL, data TEXT NOT NULL, UNIQUE (owner_uuid, kind));
CREATE TABLE event(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, who TEXT, item TEXT, at DATETIME NOT NULL);
CREATE TABLE session(id INTEGER PRIMARY KEY AUTOINCREMENT, gadget_uuid TEXT, token TEXT, ip TEXT);
CREATE INDEX item_owner ON item(owner_uuid);
CREATE INDEX event_at ON event(at);
