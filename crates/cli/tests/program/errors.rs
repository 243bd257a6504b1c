//! Bad input: a clear error, a stable code, and everything as it was.

use snapbox::str;

use crate::support::{Case, NOTES};

#[test]
fn no_such_schema() {
    Case::with_notes().run_untouched("push --db app.db --schema nix.sql").code(1).stdout_eq("").stderr_eq(str![[r#"
error[W0107]: there is no nix.sql
  = help: look for a slip in the name, or start from a database with `whimbrel pull --db app.db`

"#]]);
}

#[test]
fn no_such_database() {
    let case = Case::with_notes();
    for line in ["pull --db nix.db", "doctor --db nix.db"] {
        case.run_untouched(line).code(1).stdout_eq("").stderr_eq(str![[r#"
error[W0402]: there is no nix.db
  = help: look for a slip in the name; `whimbrel push` would create it

"#]]);
    }
    case.run_untouched("restore --db nix.db").code(1).stdout_eq("").stderr_eq(str![[r#"
error[W0402]: there is no nix.db, and no backup of it
  = help: look for a slip in the name

"#]]);
}

#[test]
fn no_such_folder() {
    Case::with_notes().run_untouched("push --db nix/app.db --schema notes.sql").code(1).stdout_eq("").stderr_eq(str![
        [r#"
error[W0402]: nix/app.db cannot be created: there is no folder nix
  = help: create the folder, or look for a slip in the name

"#]
    ]);
}

#[test]
fn not_a_database() {
    let case =
        Case::with_notes().file("text.db", "This is a text that is longer than the header of a database.\n".repeat(9));
    case.run_untouched("push --db text.db --schema notes.sql").code(1).stdout_eq("").stderr_eq(str![[r#"
error[W0401]: text.db: the file is not a database, or is encrypted
  = note: file is not a database
  = note: text.db is unchanged
  = help: check the path, and the key where one is used

"#]]);
    for line in ["plan --db text.db --schema notes.sql", "pull --db text.db", "doctor --db text.db"] {
        case.run_untouched(line).code(1).stdout_eq("").stderr_eq("error[W0401]: [..]\n...");
    }
}

#[test]
fn a_damaged_database() {
    let case = Case::with_notes();
    let bytes = std::fs::read(case.path("app.db")).expect("the database");
    let case = case.file("half.db", &bytes[..bytes.len() / 2]);
    case.run_untouched("push --db half.db --schema notes.sql").code(1);
    case.run_untouched("doctor --db half.db").code(1);
}

#[test]
fn a_folder_for_a_database() {
    let case = Case::with_notes().file("folder/x", "");
    case.run_untouched("push --db folder --schema notes.sql").code(1).stdout_eq("").stderr_eq(str![[r#"
error[W0402]: folder is a folder

"#]]);
}

#[test]
fn a_syntax_error() {
    let case =
        Case::with_notes().file("wrong.sql", "CREATE TABLE a (\n  b TEXT,\n  -- é\tä\n  'x' FOREIGN TEXT (\n);\n");
    case.run_untouched("push --db app.db --schema wrong.sql").code(1).stdout_eq("").stderr_eq(str![[r#"
error[W0101]: expected `,` or `)`
 --> wrong.sql:4:7
  |
4 |   'x' FOREIGN TEXT (
  |       ^^^^^^^ here

"#]]);
}

#[test]
fn a_statement_that_declares_nothing() {
    let case = Case::with_notes().file("wrong.sql", "CREATE TABLE a(b);\nDELETE FROM a;\n");
    case.run_untouched("push --db app.db --schema wrong.sql").code(1).stdout_eq("").stderr_eq(str![[r#"
error[W0102]: DELETE does not declare anything
 --> wrong.sql:2:1
  |
2 | DELETE FROM a;
  | ^^^^^^^^^^^^^
  |
  = help: a schema holds CREATE statements; changes and rows belong into migrations

"#]]);
}

#[test]
fn what_sqlite_does_not_accept() {
    let case = Case::with_notes().file("wrong.sql", format!("{NOTES}CREATE VIEW v AS SELECT nix FROM notes;\n"));
    case.run_untouched("push --db app.db --schema wrong.sql").code(1).stderr_eq(str![[r#"
error[W0106]: view v does not work in the declared schema
  --> wrong.sql:11:13
   |
11 | CREATE VIEW v AS SELECT nix FROM notes;
   |             ^ declared here
   |
   = note: no such column: nix
   = note: app.db is unchanged
   = help: change it together with what it refers to

"#]]);
}

#[test]
fn an_error_in_a_line_of_a_megabyte() {
    let columns: Vec<_> = (0..60_000).map(|n| format!("column_{n} TEXT")).collect();
    let case = Case::with_notes()
        .file("long.sql", format!("CREATE TABLE a({}, 'ü' ( ; CREATE TABLE b(c)", columns.join(", ")));
    let outcome = case.run_untouched("push --db app.db --schema long.sql").code(1);
    let told = String::from_utf8_lossy(&outcome.get_output().stderr).into_owned();
    assert!(told.contains('^') && told.len() < 2000, "{} bytes", told.len());
}

#[test]
fn a_rename_of_what_is_not_there() {
    let case = Case::with_notes().file("next.sql", format!("{NOTES}CREATE TABLE tags(name);"));
    case.run_untouched("push --db app.db --schema next.sql --rename nix=tags").code(1).stderr_eq(str![[r#"
error[W0206]: table nix is not in the database
  = note: app.db is unchanged
  = help: names of a rename are those of the database on the left and of the schema on the right

"#]]);
    case.run_untouched("push --db app.db --schema next.sql --rename users=nix").code(1).stderr_eq(str![[r#"
error[W0206]: table nix is not in the declared schema
  = note: app.db is unchanged
  = help: names of a rename are those of the database on the left and of the schema on the right

"#]]);
    case.run_untouched("push --db app.db --schema next.sql --rename nix.mail=email").code(1).stderr_eq(str![[r#"
error[W0206]: the table of nix.mail is not in the database
  = note: app.db is unchanged
  = help: names of a rename are those of the database on the left and of the schema on the right

"#]]);
    case.run_untouched("push --db app.db --schema next.sql --rename users.mail=nix").code(1).stderr_eq(str![[r#"
error[W0206]: column nix is not in the declared schema
  = note: app.db is unchanged
  = help: names of a rename are those of the database on the left and of the schema on the right

"#]]);
    case.run_untouched("push --db app.db --schema next.sql --rename users.nix=name").code(1).stderr_eq(str![[r#"
error[W0206]: column users.nix is not in the database
  = note: app.db is unchanged
  = help: names of a rename are those of the database on the left and of the schema on the right

"#]]);
    case.run_untouched("push --db app.db --schema next.sql --rename nix").code(2).stderr_eq(str![[r#"
error[W0601]: invalid value 'nix' for '--rename <FROM=TO>': write it as users=people or users.mail=email

For more information, try '--help'.

"#]]);
}

/// SQLite takes a database of a later file format for one that can only be read, even from an administrator.
#[test]
fn a_database_that_cannot_be_written() {
    let case = Case::with_notes().file("next.sql", format!("{NOTES}CREATE TABLE tags(name);"));
    let mut bytes = std::fs::read(case.path("app.db")).expect("the database");
    bytes[18] = 3;
    let case = case.file("app.db", bytes);
    case.run_untouched("push --db app.db --schema next.sql --quiet").code(1).stdout_eq("").stderr_eq(str![[r#"
error[W0302]: the database cannot be written
  = note: the statement was CREATE TABLE main.tags(name)
  = note: attempt to write a readonly database
  = note: app.db is unchanged
  = help: check the permissions of the file and of its folder

"#]]);
    case.run_untouched("push --db app.db --schema notes.sql").code(0).stdout_eq("No changes.\n");
    case.run_untouched("plan --db app.db --schema next.sql --exit-code --quiet").code(3);
}

#[test]
fn a_locked_database() {
    // Nothing here may read the file by itself: closing it would take SQLite's locks from the whole process.
    let case = Case::with_notes().file("next.sql", format!("{NOTES}CREATE TABLE tags(name);"));
    let somebody = case.open("app.db");
    somebody.execute_batch("BEGIN IMMEDIATE").expect("a lock for writing");
    case.run("plan --db app.db --schema next.sql --exit-code --quiet").code(3).stderr_eq("");
    case.run("push --db app.db --schema next.sql --quiet").code(1).stdout_eq("").stderr_eq(str![[r#"
error[W0301]: the database is locked by another connection
  = note: database is locked
  = note: app.db is unchanged
  = help: try again when the other one is done

"#]]);
    somebody.execute_batch("ROLLBACK; BEGIN EXCLUSIVE").expect("a lock for all");
    case.run("plan --db app.db --schema next.sql").code(1).stdout_eq("").stderr_eq(str![[r#"
error[W0301]: app.db: the database is locked by another connection
  = note: database is locked
  = help: try again when the other one is done

"#]]);
    drop(somebody);
    assert_eq!(case.query("app.db", "SELECT count(*) FROM sqlite_schema WHERE name = 'tags'"), "0");
}

#[test]
fn databases_of_other_kinds() {
    let case = Case::with_notes();
    case.run_untouched("restore --db postgres://localhost/app").code(2).stderr_eq(str![[r#"
error[W0601]: this command does not work on PostgreSQL
  = help: name a SQLite database: --db app.db or --db sqlite:app.db

"#]]);
    case.run_untouched("push --db mysql://localhost/app --schema notes.sql").code(2).stderr_eq(str![[r#"
error[W0601]: mysql: is no kind of database that whimbrel knows
  = help: write --db app.db or --db sqlite:app.db

"#]]);
    case.run_untouched("push --db :memory: --schema notes.sql").code(2).stderr_eq(str![[r#"
error[W0601]: a database in memory ends with the program
  = help: name a file

"#]]);
}

#[test]
fn a_command_line_that_is_wrong() {
    let case = Case::with_notes();
    case.run_untouched("plan").code(2).stdout_eq("").stderr_eq(str![[r#"
error[W0601]: no database is named
  = help: name it with --db app.db, in WHIMBREL_DB, or as `db = "app.db"` in whimbrel.toml

"#]]);
    case.run_untouched("plan --db app.db").code(2).stdout_eq("").stderr_eq(str![[r#"
error[W0601]: no schema is named
  = help: name it with --schema schema.sql, or as `schema = "schema.sql"` in whimbrel.toml

"#]]);
    case.run_untouched("plan --db app.db --shema notes.sql").code(2).stdout_eq("").stderr_eq(str![[r#"
error[W0601]: unexpected argument '--shema' found

  tip: a similar argument exists: '--schema'

Usage: whimbrel plan --db <DATABASE> --schema <SOURCE>

For more information, try '--help'.

"#]]);
    case.run_untouched("plam").code(2).stdout_eq("").stderr_eq(str![[r#"
error[W0601]: unrecognized subcommand 'plam'

  tip: a similar subcommand exists: 'plan'

Usage: whimbrel [OPTIONS] <COMMAND>

For more information, try '--help'.

"#]]);
    case.run_untouched("").code(2).stdout_eq("");
    case.run_untouched("plan --quiet --verbose").code(2).stdout_eq("").stderr_eq(str![[r#"
error[W0601]: the argument '--quiet' cannot be used with '--verbose'

Usage: whimbrel plan --quiet

For more information, try '--help'.

"#]]);
}

#[test]
fn a_file_of_one_byte_is_no_database() {
    // SQLite takes it for an empty one, and would write over somebody's file.
    let case = Case::with_notes().file("app.db", "x");
    case.run_untouched("push --db app.db --schema notes.sql").code(1).stdout_eq("").stderr_eq(str![[r#"
error[W0401]: app.db is not a database
  = note: app.db is unchanged
  = help: check the path

"#]]);
}
