CREATE TABLE imports (
  id BIGINT PRIMARY KEY NOT NULL,
  short INTEGER NOT NULL CHECK (short BETWEEN -32768 AND 32767),
  amount NUMERIC TEXT(20, 4),
  CHECK (CAST(amount AS REAL) >= 0)
);

CREATE TABLE memberships (
  user_id UUID TEXT NOT NULL REFERENCES users(id) ON DELETE RESTRICT,
  team_id INTEGER NOT NULL CONSTRAINT of_team REFERENCES teams(id) ON DELETE SET DEFAULT,
  since DATE TEXT NOT NULL,
  note TEXT,
  PRIMARY KEY (user_id, team_id)
);

CREATE TABLE notes (
  user_id UUID TEXT,
  team_id INTEGER,
  n INTEGER CONSTRAINT notes_key PRIMARY KEY AUTOINCREMENT CHECK (n BETWEEN -2147483648 AND 2147483647),
  body TEXT,
  CHECK (body <> ''),
  FOREIGN KEY (user_id, team_id) REFERENCES memberships(user_id, team_id)
);
CREATE INDEX notes_body ON notes (body, n);

CREATE TABLE teams (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  "order" INTEGER NOT NULL DEFAULT 0 CHECK ("order" BETWEEN -2147483648 AND 2147483647),
  UNIQUE (name),
  UNIQUE (name, "order")
);

CREATE TABLE users (
  id UUID TEXT PRIMARY KEY NOT NULL DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
  team_id INTEGER REFERENCES teams(id) ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED,
  mail TEXT NOT NULL CHECK (length(mail) <= 200),
  role TEXT NOT NULL DEFAULT 'user' CHECK (length(role) <= 20),
  mood TEXT NOT NULL DEFAULT 'it''s fine' CONSTRAINT mood_enum CHECK (mood IN ('sad', 'it''s fine', 'happy')),
  other TEXT CONSTRAINT mood_enum CHECK (other IN ('sad', 'it''s fine', 'happy')),
  age INTEGER CHECK (age BETWEEN -32768 AND 32767),
  rank INTEGER NOT NULL DEFAULT -1 CHECK (rank BETWEEN -2147483648 AND 2147483647),
  seen INTEGER DEFAULT 5000000000,
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
  hidden INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1)),
  ratio REAL DEFAULT 0.5,
  share FLOAT4,
  price NUMERIC(10, 2) DEFAULT 9.90,
  total NUMERIC TEXT(30, 6),
  any_number NUMERIC TEXT DEFAULT '0.00',
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  changed_at TIMESTAMP TEXT(3) DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')),
  expires_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+90 days')),
  locked_until TIMESTAMP TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now', '+1 days', '+00:03:00')),
  deleted_at TIMESTAMPTZ TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+36 hours')),
  born DATE TEXT,
  today DATE TEXT DEFAULT CURRENT_DATE,
  at TIME TEXT,
  at_zone TIMETZ TEXT,
  every DURATION TEXT DEFAULT '1 day',
  settings JSONB TEXT NOT NULL DEFAULT '{}' CHECK (settings IS NULL OR json_valid(settings)),
  raw JSON TEXT CHECK (raw IS NULL OR json_valid(raw)),
  tags TEXT ARRAY TEXT NOT NULL DEFAULT '[]' CHECK (tags IS NULL OR json_valid(tags) AND json_type(tags) = 'array'),
  numbers INTEGER ARRAY TEXT DEFAULT '[1,2]' CHECK (numbers IS NULL OR json_valid(numbers) AND json_type(numbers) = 'array'),
  names VARCHAR ARRAY TEXT(10) DEFAULT '["a","b c"]' CHECK (names IS NULL OR json_valid(names) AND json_type(names) = 'array'),
  picture BLOB DEFAULT x'00ff',
  digest BLOB,
  address INET TEXT,
  net CIDR TEXT,
  mac MACADDR TEXT,
  document XML TEXT,
  bits VARBIT TEXT(8),
  code TEXT,
  token TEXT DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
  full_name TEXT GENERATED ALWAYS AS (mail || '/' || code) STORED,
  parent UUID TEXT REFERENCES users(id),
  since TIMESTAMPTZ TEXT DEFAULT '2020-01-02T03:04:05.500Z',
  "glob" TEXT,
  "over" TEXT,
  UNIQUE (mail),
  CONSTRAINT code_is_short CHECK (length(code) <= 10),
  CONSTRAINT dates CHECK ((born IS NULL) = (at IS NULL)),
  CHECK (age >= 0 AND age < 150),
  CHECK (active OR NOT hidden),
  CHECK (code GLOB 'A?[*]*' AND code <> 'A'),
  CHECK (length(digest) = 4 AND digest <> x'00000000'),
  CHECK ("over" GLOB '_*'),
  CHECK (price > 0 OR price IS NULL),
  CHECK (role IN ('user', 'admin')),
  CHECK (role NOT IN ('x', 'y'))
);
CREATE INDEX users_created ON users (created_at DESC);
CREATE INDEX users_length ON users (length(code), (age + 1) DESC);
CREATE UNIQUE INDEX users_token ON users (token) WHERE active AND code IS NOT NULL;
CREATE INDEX users_words ON users (length("glob"), "over");
