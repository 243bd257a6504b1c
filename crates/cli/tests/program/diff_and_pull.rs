//! `whimbrel diff` and `whimbrel pull`.

use snapbox::str;

use crate::support::{Case, NOTES};

#[test]
fn the_sql_from_one_to_the_other() {
    let next = format!("{}CREATE TABLE tags(name);\n", NOTES.replace("mail TEXT", "email TEXT"));
    let case = Case::with_notes().file("next.sql", next);
    case.run_untouched("diff app.db next.sql").code(4).stdout_eq("").stderr_eq(str![[r#"
error[W0201]: users.mail is gone, and it cannot be told whether it was renamed
  = help: if users.mail was renamed: --rename users.mail=email
  = help: if what is gone is to be dropped, and what is new is new: --accept-data-loss

"#]]);
    case.run_untouched("diff app.db next.sql --rename users.mail=email")
        .code(0)
        .stdout_eq(str![[r#"
PRAGMA foreign_keys = OFF;
BEGIN EXCLUSIVE;

-- users: rename column mail to email
ALTER TABLE main."users" RENAME COLUMN "mail" TO "email";

-- tags: create
CREATE TABLE main.tags(name);

COMMIT;
PRAGMA foreign_keys = ON;

"#]])
        .stderr_eq("");
    case.run_untouched("diff notes.sql next.sql --accept-data-loss")
        .code(0)
        .stdout_eq(str![[r#"
-- users.mail is dropped; if it was renamed, say --rename users.mail=email
-- Data loss: column users.mail
PRAGMA foreign_keys = OFF;
BEGIN EXCLUSIVE;

-- users: add email TEXT
ALTER TABLE main."users" ADD COLUMN email TEXT;

-- users: drop mail
ALTER TABLE main."users" DROP COLUMN "mail";

-- tags: create
CREATE TABLE main.tags(name);

COMMIT;
PRAGMA foreign_keys = ON;

"#]])
        .stderr_eq("");
}

#[test]
fn what_is_printed_gets_there() {
    let next = format!("{}CREATE TABLE tags(name);\n", NOTES.replace("body TEXT", "body BLOB"));
    let case = Case::with_notes().file("next.sql", next);
    let script = case.run_untouched("diff app.db next.sql").code(0).get_output().stdout.clone();
    case.open("app.db").execute_batch(&String::from_utf8_lossy(&script)).expect("a script that runs");
    case.run_untouched("plan --db app.db --schema next.sql").code(0).stdout_eq("No changes.\n");
    assert_eq!(case.query("app.db", "SELECT count(*) FROM notes"), "3");
}

#[test]
fn the_same_gives_nothing() {
    let case = Case::with_notes();
    case.run_untouched("diff app.db notes.sql").code(0).stdout_eq("").stderr_eq("No changes.\n");
    case.run_untouched("diff app.db notes.sql --quiet").code(0).stdout_eq("").stderr_eq("");
}

#[test]
fn from_nothing_and_to_nothing() {
    let case = Case::new().file("empty.sql", "").file("one.sql", "CREATE TABLE a(b);\n");
    case.run_untouched("diff empty.sql one.sql")
        .code(0)
        .stdout_eq(str![[r#"
PRAGMA foreign_keys = OFF;
BEGIN EXCLUSIVE;

-- a: create
CREATE TABLE main.a(b);

COMMIT;
PRAGMA foreign_keys = ON;

"#]])
        .stderr_eq("");
    case.run_untouched("diff one.sql empty.sql")
        .code(0)
        .stdout_eq(str![[r#"
-- Data loss: table a
PRAGMA foreign_keys = OFF;
BEGIN EXCLUSIVE;

-- a: drop
DROP TABLE main."a";

COMMIT;
PRAGMA foreign_keys = ON;

"#]])
        .stderr_eq("");
}

#[test]
fn stable_ids_make_renames_certain() {
    let snapshot = |table: &str, column: &str| {
        format!(
            r#"{{"whimbrel_snapshot": 1, "dialect": "sqlite", "next_id": 2, "objects": [{{"kind": "table",
            "name": "{table}", "id": 1, "next_column_id": 2, "columns": [{{"name": "{column}", "type": "", "id": 1}}],
            "sql": "CREATE TABLE {table}({column})"}}]}}"#
        )
    };
    let case = Case::new().file("a.json", snapshot("a", "b")).file("x.json", snapshot("x", "y"));
    case.run_untouched("diff a.json x.json")
        .code(0)
        .stdout_eq(str![[r#"
PRAGMA foreign_keys = OFF;
BEGIN EXCLUSIVE;

-- x: rename a to x
ALTER TABLE main."a" RENAME TO "x";

-- x: rename column b to y
ALTER TABLE main."x" RENAME COLUMN "b" TO "y";

COMMIT;
PRAGMA foreign_keys = ON;

"#]])
        .stderr_eq("");
}

#[test]
fn a_schema_is_pulled_in_the_order_of_its_dependencies() {
    let case = Case::new().database(
        "app.db",
        "create table child(id integer primary key, p references parent(id));
         create view v2 as select * from v1; create view v1 as select 1 as one;
         create table parent(id integer primary key) strict;
         create index i on child(p) where p is not null;
         create trigger t after insert on child begin select 1; end;
         create virtual table search using fts5(body);",
    );
    let pulled = case
        .run_untouched("pull --db app.db")
        .code(0)
        .stdout_eq(str![[r#"
CREATE TABLE parent (
  id integer primary key
) strict;

CREATE TABLE child (
  id integer primary key,
  p references parent(id)
);
CREATE INDEX i on child(p) where p is not null;

CREATE VIRTUAL TABLE search using fts5(body);

CREATE VIEW v1 as select 1 as one;

CREATE VIEW v2 as select * from v1;

CREATE TRIGGER t after insert on child begin select 1; end;

"#]])
        .stderr_eq("");
    let case = case.file("schema.sql", &pulled.get_output().stdout);
    case.run_untouched("push --db app.db --schema schema.sql").code(0).stdout_eq("No changes.\n");
    case.run_untouched("pull --db app.db --quiet").code(0).stdout_eq(pulled.get_output().stdout.clone());
    case.run_untouched("pull --db app.db --format json").code(0).stdout_eq(str![[r#"
{
  "whimbrel_snapshot": 1,
  "dialect": "sqlite",
  "next_id": 0,
  "objects": [
    {
      "kind": "table",
      "name": "child",
      "columns": [
        {
          "name": "id",
          "type": "integer"
        },
        {
          "name": "p",
          "type": ""
        }
      ],
      "sql": "CREATE TABLE child(id integer primary key, p references parent(id))"
    },
    {
      "kind": "table",
      "name": "parent",
      "columns": [
        {
          "name": "id",
          "type": "integer"
        }
      ],
      "sql": "CREATE TABLE parent(id integer primary key) strict"
    },
    {
      "kind": "virtual table",
      "name": "search",
      "sql": "CREATE VIRTUAL TABLE search using fts5(body)"
    },
    {
      "kind": "index",
      "name": "i",
      "sql": "CREATE INDEX i on child(p) where p is not null"
    },
    {
      "kind": "view",
      "name": "v2",
      "sql": "CREATE VIEW v2 as select * from v1"
    },
    {
      "kind": "view",
      "name": "v1",
      "sql": "CREATE VIEW v1 as select 1 as one"
    },
    {
      "kind": "trigger",
      "name": "t",
      "sql": "CREATE TRIGGER t after insert on child begin select 1; end"
    }
  ]
}

"#]]);
}

/// What is data is printed byte by byte: an escape sequence in a default is no colour.
#[test]
fn text_is_pulled_as_it_is() {
    let case = Case::new().database("app.db", "CREATE TABLE a(b TEXT DEFAULT '\u{1b}[31m \u{202e}')");
    let pulled = case.run("pull --db app.db --color never").code(0).get_output().stdout.clone();
    assert!(String::from_utf8_lossy(&pulled).contains("'\u{1b}[31m \u{202e}'"));
}
