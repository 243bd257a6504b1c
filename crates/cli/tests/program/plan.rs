//! `whimbrel plan`: what it prints, and that it never writes.

use snapbox::str;

use crate::support::{Case, NOTES};

/// A schema that differs from [`NOTES`] in every way that the print has a form for.
const NEXT: &str = "\
-- whimbrel: renamed from users
CREATE TABLE people (
  id INTEGER PRIMARY KEY,
  -- whimbrel: renamed from mail
  email TEXT,
  age INTEGER DEFAULT 3
);
CREATE TABLE notes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER REFERENCES people(id) ON DELETE CASCADE,
  body TEXT NOT NULL, -- whimbrel: backfill ''
  CHECK (length(body) < 1000)
);
CREATE TABLE tags (name TEXT PRIMARY KEY, note_id INTEGER REFERENCES notes(id));
CREATE UNIQUE INDEX people_email ON people (email);
CREATE INDEX notes_user ON notes (user_id, id DESC);
CREATE VIEW recent AS SELECT * FROM notes ORDER BY id DESC LIMIT 10;
CREATE TRIGGER no_empty_tag BEFORE INSERT ON tags WHEN NEW.name = '' BEGIN SELECT raise(ABORT, 'empty'); END;
";

#[test]
fn all_kinds_of_changes() {
    let case = Case::with_notes().file("next.sql", NEXT);
    case.run_untouched("plan --db app.db --schema next.sql")
        .code(0)
        .stdout_eq(str![[r#"
app.db → next.sql    SQLite [VERSION], 2 tables, [SIZE]

  ~ users → people                                   renamed (hint at next.sql:2)  in place
      ~ mail → email                                 renamed (hint at next.sql:5)  in place
      + age INTEGER DEFAULT 3                                                      in place
  ~ notes
      ~ body NULL → NOT NULL                         filled with ''                in place: 2 rows
      + CHECK (length(body) < 1000)                                                in place
      NOT NULL of body: all 3 rows fit
      CHECK (length(body) < 1000): all 3 rows fit
  + table tags (name, note_id)
  + unique index people_email (email)
      UNIQUE index people_email: all 2 rows fit
  ~ index notes_user (user_id) → (user_id, id DESC)                                recreate
  + view recent
  + trigger no_empty_tag on tags

warning: 2 rows of notes get a value in body, which was NULL

7 changes, one transaction. Nothing is lost. 4.4 kB of free disk needed.
Run it: whimbrel push --db app.db --schema next.sql

"#]])
        .stderr_eq("");
}

#[test]
fn more_with_verbose() {
    let case = Case::with_notes().file("next.sql", NOTES.replace("user_id INTEGER", "user_id BIGINT"));
    case.run_untouched("plan --db app.db --schema next.sql --verbose")
        .code(0)
        .stdout_eq(str![[r#"
app.db → next.sql    SQLite [VERSION], 2 tables, [SIZE]

  ~ notes  rebuild: 3 rows, 8.2 kB
      ~ user_id INTEGER → BIGINT
      rebuild: SQLite cannot change a column's type in place
      recreate notes_user: create index

1 change, one transaction. Nothing is lost. 8.2 kB of free disk needed.

PRAGMA foreign_keys = OFF;
...
PRAGMA foreign_keys = ON;

Run it: whimbrel push --db app.db --schema next.sql

"#]])
        .stderr_eq("");
}

#[test]
fn nothing_to_do() {
    let case = Case::with_notes();
    case.run_untouched("plan --db app.db --schema notes.sql").code(0).stdout_eq("No changes.\n").stderr_eq("");
    case.run_untouched("plan --db app.db --schema notes.sql --exit-code").code(0);
    case.run_untouched("plan --db app.db --schema notes.sql --quiet").code(0).stdout_eq("").stderr_eq("");
}

#[test]
fn pending_changes_have_a_status_where_asked_for() {
    let case = Case::with_notes().file("next.sql", format!("{NOTES}CREATE TABLE tags(name);"));
    case.run_untouched("plan --db app.db --schema next.sql --quiet").code(0).stdout_eq("");
    case.run_untouched("plan --db app.db --schema next.sql --quiet --exit-code").code(3).stdout_eq("").stderr_eq("");
}

#[test]
fn a_missing_database_is_planned_and_not_created() {
    let case = Case::new().file("notes.sql", NOTES);
    case.run_untouched("plan --db new.db --schema notes.sql").code(0).stdout_eq(str![[r#"
new.db → notes.sql    SQLite [VERSION], new database

  + table users (id, mail)
  + table notes (id, user_id, body)
  + index notes_user (user_id)

3 changes, one transaction. Nothing is lost.
Run it: whimbrel push --db new.db --schema notes.sql

"#]]);
    assert_eq!(case.names(), ["notes.sql"]);
}

#[test]
fn the_script() {
    let case = Case::with_notes().file("next.sql", format!("{NOTES}CREATE TABLE tags(name);"));
    case.run_untouched("plan --db app.db --schema next.sql --sql").code(0).stdout_eq(str![[r#"
app.db → next.sql    SQLite [VERSION], 2 tables, [SIZE]

  + table tags (name)

1 change, one transaction. Nothing is lost.

PRAGMA foreign_keys = OFF;
BEGIN EXCLUSIVE;

-- tags: create
CREATE TABLE main.tags(name);

COMMIT;
PRAGMA foreign_keys = ON;

Run it: whimbrel push --db app.db --schema next.sql

"#]]);
}

#[test]
fn a_loss_is_counted_and_refused() {
    let case = Case::with_notes().file("next.sql", "CREATE TABLE users(id INTEGER PRIMARY KEY);");
    case.run_untouched("plan --db app.db --schema next.sql")
        .code(0)
        .stdout_eq(str![[r#"
app.db → next.sql    SQLite [VERSION], 2 tables, [SIZE]

  - table notes
      ! data loss: table notes, 3 rows
  ~ users
      - mail  in place
      ! data loss: column users.mail, 1 row
  - index notes_user

3 changes, one transaction. Lost: column users.mail (1 row), table notes (3 rows). 4.1 kB of free disk needed. It cannot run as it stands.

"#]])
        .stderr_eq(str![[r#"
error[W0202]: this would lose column users.mail (1 row), table notes (3 rows)
  = help: say --accept-data-loss if that is meant
  = help: keep a table out of sight with --ignore <pattern>

"#]]);
    case.run_untouched("plan --db app.db --schema next.sql --accept-data-loss").code(0).stdout_eq(str![[r#"
app.db → next.sql    SQLite [VERSION], 2 tables, [SIZE]

  - table notes
      ! data loss: table notes, 3 rows
  ~ users
      - mail  in place
      ! data loss: column users.mail, 1 row
  - index notes_user

3 changes, one transaction. Lost: column users.mail (1 row), table notes (3 rows). 4.1 kB of free disk needed.
Run it: whimbrel push --db app.db --schema next.sql --accept-data-loss

"#]]);
}

#[test]
fn another_order_of_columns_is_told() {
    let case = Case::with_notes().file("next.sql", NOTES.replace("  mail TEXT", "  nick TEXT,\n  mail TEXT"));
    case.run_untouched("plan --db app.db --schema next.sql").code(0).stdout_eq(str![[r#"
app.db → next.sql    SQLite [VERSION], 2 tables, [SIZE]

  ~ users
      + nick TEXT  in place

note: the columns of users stand in another order than declared; --strict-order rebuilds it
  stored    id, mail, nick
  declared  id, nick, mail

1 change, one transaction. Nothing is lost.
Run it: whimbrel push --db app.db --schema next.sql

"#]]);
    case.run_untouched("plan --db app.db --schema next.sql --strict-order").code(0).stdout_eq(str![[r#"
app.db → next.sql    SQLite [VERSION], 2 tables, [SIZE]

  ~ users  rebuild: 2 rows, 4.1 kB
      + nick TEXT
      ~ order of columns
      rebuild: SQLite cannot move columns in place

1 change, one transaction. Nothing is lost. 4.1 kB of free disk needed.
Run it: whimbrel push --db app.db --schema next.sql --strict-order

"#]]);
}

#[test]
fn what_is_ignored_is_out_of_sight() {
    let case = Case::with_notes().database("app.db", "CREATE TABLE legacy_a(x); CREATE TABLE legacy_b(x);");
    case.run_untouched("plan --db app.db --schema notes.sql --quiet").code(0);
    case.run_untouched("plan --db app.db --schema notes.sql --quiet --exit-code").code(3);
    case.run_untouched("plan --db app.db --schema notes.sql --ignore legacy_*").code(0).stdout_eq("No changes.\n");
}

#[test]
fn the_command_to_run_is_one_a_shell_takes() {
    let case = Case::with_notes().file("it's new.sql", format!("{NOTES}CREATE TABLE tags(name);"));
    let command = case.command("plan --db app.db --ignore legacy_* --schema").arg("it's new.sql");
    command.assert().code(0).stdout_eq(str![[r#"
app.db → it's new.sql    SQLite [VERSION], 2 tables, [SIZE]

  + table tags (name)

1 change, one transaction. Nothing is lost.
Run it: whimbrel push --db app.db --schema 'it'\''s new.sql' --ignore 'legacy_*'

"#]]);
}

#[test]
fn names_cannot_write_on_the_terminal() {
    let case =
        Case::with_notes().file("next.sql", format!("{NOTES}CREATE TABLE \"a\u{1b}[2Jb\"(\"c\u{1b}]0;x\u{7}\");"));
    let outcome = case.run_untouched("plan --db app.db --schema next.sql --color never").code(0);
    let printed = String::from_utf8_lossy(&outcome.get_output().stdout).into_owned();
    assert!(!printed.contains(['\u{1b}', '\u{7}']), "{printed:?}");
    assert!(printed.contains("a\\u{1b}[2Jb"), "{printed:?}");
}

#[test]
fn colour_is_a_matter_of_choice() {
    let case = Case::with_notes().file("next.sql", format!("{NOTES}CREATE TABLE tags(name);"));
    let has_color = |line: &str, variable: &str| {
        let outcome = case.command(line).env(variable, "1").output().expect("the program runs");
        outcome.stdout.contains(&0x1b)
    };
    assert!(!has_color("plan --db app.db --schema next.sql", "NONE"));
    assert!(has_color("plan --db app.db --schema next.sql --color always", "NONE"));
    assert!(has_color("plan --db app.db --schema next.sql", "CLICOLOR_FORCE"));
    assert!(!has_color("plan --db app.db --schema next.sql --color never", "CLICOLOR_FORCE"));
    assert!(!has_color("plan --db app.db --schema next.sql", "NO_COLOR"));
}
