-- not carried: table computed: SQLite has no tables without a column that can be written
-- not carried: table nothing: SQLite has no tables without a column that can be written
-- differs: schema auth: SQLite has no schemas: its tables are called auth_… and come back so in public
-- differs: column auth_users.levels: nothing checks the elements, and it comes back as text[]
-- not carried: column auth_users.nick: the check is_lower of its domain, because of the operator ~
-- differs: column auth_users.name: SQLite has no collation public.german: it compares and sorts byte by byte
-- differs: column auth_users.letter: SQLite fills up no value with blanks, and compares them
-- differs: column auth_users.place: the type point is kept as text, which nothing checks, and comes back as text
-- differs: column auth_users.pair: the type public.pair is kept as text, which nothing checks, and comes back as text
-- differs: column auth_users.span: the type public.span is kept as text, which nothing checks, and comes back as text
-- differs: column auth_users.money: the type money is kept as text, which nothing checks, and comes back as text
-- differs: column auth_users.search: the type tsvector is kept as text, which nothing checks, and comes back as text
-- not carried: column auth_users.search: how it is computed, because of the type regconfig: the value has to be given
-- not carried: column auth_users.ticket: SQLite numbers the rows only by an INTEGER primary key; the number has to be given
-- not carried: column auth_users.expires: the default (now() + '1 mon'::interval), because of an interval of months or years, which are of many lengths
-- not carried: constraint later on auth_users: CHECK ((expires > now())), because of the function now
-- differs: constraint later_unique on auth_users: SQLite checks it at once
-- not carried: constraint looks_like_a_mail on auth_users: CHECK ((name ~* '^.+@.+$'::text)), because of the operator ~*
-- differs: constraint low on auth_users: lower() changes letters of ASCII only
-- differs: constraint once on auth_users: SQLite takes every NULL for a value of its own
-- differs: constraint starts on auth_users: LIKE takes upper and lower case for the same in ASCII only
-- not carried: constraint users_place_excl on auth_users: SQLite has no exclusion constraints
CREATE TABLE auth_users (
  id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN -2147483648 AND 2147483647),
  level TEXT NOT NULL DEFAULT 'low' CONSTRAINT auth_level_enum CHECK (level IN ('low', 'high')),
  levels TEXT ARRAY TEXT DEFAULT '["low","high"]' CHECK (levels IS NULL OR json_valid(levels) AND json_type(levels) = 'array'),
  nick TEXT NOT NULL DEFAULT 'x' CHECK (length(nick) <= 10) CONSTRAINT short_check CHECK (nick <> ''),
  name TEXT,
  letter CHARACTER(3) CHECK (length(letter) <= 3),
  place TEXT,
  pair TEXT,
  span TEXT,
  money TEXT DEFAULT '1',
  search TEXT,
  ticket INTEGER NOT NULL,
  changed TIMESTAMPTZ TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  local TIMESTAMP TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')),
  expires TIMESTAMPTZ TEXT,
  renewed TIMESTAMPTZ TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-30 days')),
  made UUID TEXT DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
  secret TEXT DEFAULT (lower(hex(randomblob(16)))),
  tags TEXT ARRAY TEXT DEFAULT '[]' CHECK (tags IS NULL OR json_valid(tags) AND json_type(tags) = 'array'),
  done INTEGER CHECK (done IN (0, 1)),
  CONSTRAINT later_unique UNIQUE (made),
  CONSTRAINT once UNIQUE (name, nick),
  CONSTRAINT has_tags CHECK (json_array_length(tags) > 0 AND nullif(json_array_length(tags), 0) < 5),
  CONSTRAINT low CHECK (lower(name) = name),
  CONSTRAINT not_both CHECK (name IS NOT nick),
  CONSTRAINT one_of CHECK ((name IS NOT NULL) + (letter IS NOT NULL) = 1),
  CONSTRAINT starts CHECK (name LIKE 'a%')
);
-- differs: index auth_by_pattern: lower() changes letters of ASCII only
CREATE INDEX auth_by_pattern ON auth_users (name, lower(name));

-- differs: column always.id: SQLite takes a number that is given, and it comes back BY DEFAULT
-- differs: column always.id: SQLite counts from 1 by 1
-- not carried: column always.counter: SQLite numbers the rows only by an INTEGER primary key; the number has to be given
-- differs: constraint is_list on always: ->> gives a number of JSON as a number, and true as 1
CREATE TABLE always (
  id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN -2147483648 AND 2147483647),
  counter INTEGER NOT NULL,
  user_id INTEGER CHECK (user_id BETWEEN -2147483648 AND 2147483647) REFERENCES auth_users(id) ON DELETE SET NULL,
  other_id INTEGER CHECK (other_id BETWEEN -2147483648 AND 2147483647),
  data JSONB TEXT CHECK (data IS NULL OR json_valid(data)),
  UNIQUE (user_id, other_id),
  CHECK (counter / 2 > 1),
  CONSTRAINT is_list CHECK (json_type(data) = 'array' OR data ->> 'kind' = 'x'),
  CONSTRAINT positive CHECK (user_id > 0)
);
-- not carried: index always_partial: its condition, because of the operator @>
CREATE INDEX auth_users_1 ON always (other_id);
-- not carried: index by_data: SQLite has no indexes of the kind gin
CREATE INDEX by_hash ON always (user_id);
-- differs: index by_kind: ->> gives a number of JSON as a number, and true as 1
CREATE INDEX by_kind ON always ((data ->> 'kind'));
CREATE INDEX by_nulls ON always (user_id DESC, other_id);

-- differs: table child: it has the columns of always, but its rows are not rows of it
-- differs: constraint child_user_id_other_id_fkey on child: deleting the parent sets all of its columns, not only some
-- differs: constraint child_user_id_other_id_fkey on child: SQLite checks nothing where one of the columns is NULL
-- differs: constraint is_list on child: ->> gives a number of JSON as a number, and true as 1
CREATE TABLE child (
  id INTEGER NOT NULL CHECK (id BETWEEN -2147483648 AND 2147483647),
  counter INTEGER NOT NULL,
  user_id INTEGER CHECK (user_id BETWEEN -2147483648 AND 2147483647),
  other_id INTEGER CHECK (other_id BETWEEN -2147483648 AND 2147483647),
  data JSONB TEXT CHECK (data IS NULL OR json_valid(data)),
  extra TEXT,
  CONSTRAINT is_list CHECK (json_type(data) = 'array' OR data ->> 'kind' = 'x'),
  CONSTRAINT positive CHECK (user_id > 0),
  FOREIGN KEY (user_id, other_id) REFERENCES always(user_id, other_id) ON DELETE SET NULL
);

-- differs: table events: it is one table here, without partitions
CREATE TABLE events (
  at TIMESTAMPTZ TEXT PRIMARY KEY NOT NULL,
  body TEXT
);
CREATE INDEX events_body ON events (body);

-- not carried: constraint of_computed_n_fkey on of_computed: the table it refers to is not carried
CREATE TABLE of_computed (
  n INTEGER CHECK (n BETWEEN -2147483648 AND 2147483647)
);

-- not carried: extension pgcrypto: SQLite has no extensions of the server's
-- not carried: collation german: SQLite has no collations of its own
-- not carried: type pair: SQLite has no types of its own
-- not carried: type span: SQLite has no types of its own
-- not carried: function touch(): SQLite has no functions of its own
-- not carried: table events_2024: its rows are those of events, which has no partitions here
-- not carried: view names: views are not carried
-- not carried: materialized view counts: SQLite has no materialised views
-- not carried: rule quiet on always: SQLite has no rules
-- not carried: trigger touch on auth.users: triggers run functions of the server
-- not carried: policy mine on always: a device's database has one reader: nothing is held back from it
