//! `apply` and `reset`.

use snapbox::str;

use super::{applied, listed, plain, problems, with_journal};
use crate::support::Case;

#[test]
fn a_missing_database_is_created() {
    let case = listed();
    case.run("migrate apply --db app.db")
        .code(0)
        .stdout_eq(str![[r#"
  + 0001_start      [MS]
  + 0002_add-notes  [MS]
  + 0003_age        [MS]
Done in [TIME]: 3 migrations. app.db is at 0003_age.

"#]])
        .stderr_eq("");
    assert_eq!(case.query("app.db", "SELECT group_concat(body) FROM notes"), "welcome");
    assert_eq!(case.names(), ["app.db"]);
    case.run_untouched("migrate apply --db app.db").code(0).stdout_eq("Nothing to do. app.db is at 0003_age.\n");
}

#[test]
fn a_dry_run_writes_nothing() {
    let case = listed();
    case.run_untouched("migrate apply --db app.db --dry-run --to add-notes")
        .code(0)
        .stdout_eq(str![[r#"
migrations → app.db    2 migrations

  + 0001_start
  + 0002_add-notes

-- 0001_start
CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  mail TEXT
);

-- 0002_add-notes
CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO notes (body) VALUES ('welcome');


"#]])
        .stderr_eq("");
    case.run("migrate apply --db app.db --to 2 --quiet").code(0);
    case.run_untouched("migrate apply --db app.db --dry-run").code(0).stdout_eq(str![[r#"
migrations → app.db    1 migration

  + 0003_age

-- 0003_age
-- The age in years.
ALTER TABLE users ADD COLUMN age INTEGER;


"#]]);
    let value = case.json("migrate apply --db app.db --dry-run", 0);
    assert_eq!(value["pending"][0]["name"], "age");
    assert!(value["pending"][0]["sql"].as_str().is_some_and(|sql| sql.contains("ADD COLUMN age")));
}

#[test]
fn rows_are_kept_and_the_backup_is_named() {
    let case = listed();
    case.run("migrate apply --db app.db --to 0001 --quiet").code(0);
    let case = case.database("app.db", "INSERT INTO users VALUES (1, 'ada@example.org'), (7, NULL)");
    let value = case.json("migrate apply --db app.db --backup", 0);
    assert_eq!(value["report"]["from"], 1);
    assert_eq!(value["report"]["to"], 3);
    let names: Vec<_> = value["applied"].as_array().expect("a list").iter().map(|m| m["name"].clone()).collect();
    assert_eq!(names, ["add-notes", "age"]);
    assert!(value["backup"]["name"].as_str().is_some_and(|name| name.starts_with("app.db.backup-")));
    assert_eq!(case.query("app.db", "SELECT group_concat(id || ifnull(mail, '-')) FROM users"), "1ada@example.org,7-");
    assert_eq!(case.query("app.db", "SELECT max(batch) FROM _whimbrel_migrations"), "2");
}

#[test]
fn a_target() {
    let case = listed();
    case.run("migrate apply --db app.db --to start --quiet").code(0);
    case.run("migrate apply --db app.db --to 3 --quiet").code(0);
    case.run_untouched("migrate apply --db app.db --to 2").code(4).stderr_eq(str![[r#"
error[W0722]: the database is at 0003_age, which comes after 0002_add-notes
  = note: app.db is unchanged
  = help: to go back: whimbrel migrate down --db app.db --to 0002

"#]]);
    case.run_untouched("migrate apply --db app.db --to 3").code(0);
    case.run_untouched("migrate apply --db app.db --to nix").code(1).stderr_eq(str![[r#"
error[W0723]: there is no migration nix
  = help: name it by number, version or name; `whimbrel migrate list` shows them

"#]]);
}

#[test]
fn what_fails_changes_nothing() {
    let case = listed();
    case.run("migrate apply --db app.db --to 1 --quiet").code(0);
    let case = case.database("app.db", "INSERT INTO users VALUES (1, 'a'), (2, 'a')").file(
        "migrations/0003_age.sql",
        "ALTER TABLE users ADD COLUMN age INTEGER;\nCREATE UNIQUE INDEX one_mail ON users (mail);\n",
    );
    let case = with_journal(case);
    for _ in 0..4 {
        case.run("migrate apply --db app.db").code(4).stdout_eq("").stderr_eq(str![[r#"
error[W0204]: 0003_age.sql: rows do not fit
 --> 0003_age.sql:2:1
  |
2 | CREATE UNIQUE INDEX one_mail ON users (mail);
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ UNIQUE constraint failed: users.mail
  |
  = note: the statement was CREATE UNIQUE INDEX one_mail ON users (mail)
  = note: UNIQUE constraint failed: users.mail
  = note: all was rolled back: app.db is unchanged

"#]]);
    }
    assert_eq!(case.query("app.db", "SELECT count(*) FROM sqlite_schema WHERE name = 'notes'"), "0");
    assert_eq!(case.query("app.db", "SELECT attempts FROM _whimbrel_state"), "0", "a person is not an app");
    // One by one, those before the failure stay.
    case.run("migrate apply --db app.db --each").code(4);
    assert_eq!(case.query("app.db", "SELECT count(*) FROM notes"), "1");
    let value = case.json("migrate apply --db app.db", 4);
    assert_eq!(value["error"]["migration"], "0003_age");
    assert_eq!((&value["error"]["line"], &value["error"]["state"]), (&2.into(), &"rolled_back".into()));
    // A new database that cannot be made is not left behind.
    let case = case.edit("migrations/0001_start.sql", "TEXT\n", "TEXT,\n");
    let case = with_journal(case);
    case.run("migrate apply --db new.db").code(1);
    assert!(!case.path("new.db").exists());
}

#[test]
fn late_migrations() {
    let case = plain().rename("migrations/0002_add-notes.sql", "later").without("migrations/0002_add-notes.down.sql");
    let case = applied(with_journal(case)).rename("later", "migrations/0002_add-notes.sql");
    let case = with_journal(case);
    case.run_untouched("migrate apply --db app.db").code(4).stderr_eq(str![[r#"
error[W0712]: 0002_add-notes has not run, and 0003_age, which comes after it, has
  = note: app.db is unchanged
  = help: give it a number after the newest with `whimbrel migrate rebase`
  = help: if it is independent of what has run, allow it with --out-of-order allow

"#]]);
    assert_eq!(problems(&case, 4), ["W0712 2 add-notes"]);
    case.run_untouched("migrate apply --db app.db --out-of-order report")
        .code(0)
        .stdout_eq("Nothing to do. app.db is at 0003_age.\n")
        .stderr_eq(str![[r#"
warning: 0002_add-notes has not run, and 0003_age, which comes after it, has

"#]]);
    case.run("migrate apply --db app.db --out-of-order allow --quiet").code(0);
    assert_eq!(problems(&case, 0), Vec::<String>::new());
    assert_eq!(case.query("app.db", "SELECT count(*) || ':' || (SELECT count(*) FROM users) FROM notes"), "1:2");
}

#[test]
fn a_database_that_is_newer() {
    let case = applied(listed()).without("migrations/0003_age.sql").without("migrations/0003_age.down.sql");
    let case = with_journal(case);
    case.run_untouched("migrate apply --db app.db").code(4).stderr_eq(str![[r#"
error[W0714]: the database is newer: it has run 0003_age, which is not among the migrations
  = note: app.db is unchanged
  = help: look for a newer version of the migrations; the database is left as it is

"#]]);
    assert_eq!(problems(&case, 4), ["W0714 3 age"]);
    let value = case.json("migrate list --db app.db", 0);
    assert_eq!(value["migrations"][2]["state"], "newer");
}

#[test]
fn a_schema_that_was_changed_by_hand() {
    let case = applied(listed()).file("migrations/0004_more.sql", "CREATE TABLE more(a);\n");
    let case = with_journal(case);
    case.open("app.db").execute_batch("ALTER TABLE users ADD COLUMN phone TEXT").expect("a column by hand");
    case.run_untouched("migrate apply --db app.db").code(4).stderr_eq(str![[r#"
error[W0715]: the schema was changed behind the migrations' back: table users is another (- phone)
  = note: app.db is unchanged
  = help: put it back, or write a migration that expects it; --accept-drift takes the schema as it is

"#]]);
    case.run("migrate apply --db app.db --accept-drift --quiet").code(0).stderr_eq("");
    assert_eq!(case.query("app.db", "SELECT count(*) FROM more"), "0");
}

#[test]
fn no_database_is_named() {
    let case = listed();
    for command in ["apply", "down", "rollback", "baseline", "reset"] {
        let value = case.json(&format!("migrate {command}"), 2);
        assert_eq!(value["error"]["code"], "W0601", "{command}");
    }
}

#[test]
fn a_reset_needs_an_acceptance_and_keeps_a_backup() {
    let case = applied(listed());
    case.run_untouched("migrate reset --db app.db").code(4).stdout_eq("").stderr_eq(str![[r#"
error[W0202]: this would lose 3 rows of app.db
  = note: app.db is unchanged
  = help: say --accept-data-loss if that is meant

"#]]);
    case.run("migrate reset --db app.db --accept-data-loss")
        .code(0)
        .stdout_eq(str![[r#"
Backup: app.db.backup-[STAMP]
Done in [TIME]: app.db is new, at 0003_age.

"#]])
        .stderr_eq("");
    assert_eq!(case.query("app.db", "SELECT count(*) FROM users"), "0");
    assert_eq!(case.query("app.db", "SELECT group_concat(body) FROM notes"), "welcome");
    assert_eq!(case.query("app.db", "SELECT integrity_check FROM pragma_integrity_check"), "ok");
    case.run_untouched("migrate status --db app.db --exit-code --verify").code(0);
    case.run_untouched("migrate apply --db app.db").code(0);
    let names = case.names();
    assert_eq!((names.len(), names[0].as_str()), (2, "app.db"), "{names:?}");
    case.run("restore --db app.db --latest --quiet").code(0);
    assert_eq!(case.query("app.db", "SELECT count(*) FROM users"), "2");
}

#[test]
fn a_reset_in_wal_mode_and_while_somebody_reads() {
    let case = listed().database("app.db", "PRAGMA page_size = 1024; PRAGMA encoding = 'UTF-16le'; VACUUM;");
    let case = applied(case);
    let reader = case.open("app.db");
    reader.execute_batch("PRAGMA journal_mode = WAL").expect("a log");
    let before: i64 = reader.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).expect("rows");
    case.run("migrate reset --db app.db --accept-data-loss --backup=false --quiet").code(0);
    let after: i64 = reader.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).expect("rows");
    assert_eq!((before, after), (2, 0));
    assert_eq!(case.query("app.db", "SELECT group_concat(body) FROM notes"), "welcome");
    assert_eq!(case.query("app.db", "SELECT page_size FROM pragma_page_size"), "1024");
    let left: Vec<_> = case.names().into_iter().filter(|name| name.contains("new")).collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn a_reset_that_cannot_be_made_changes_nothing() {
    let case = applied(plain()).file("migrations/0004_wrong.sql", "CREATE TABLE a(b;\n");
    case.run_untouched("migrate reset --db app.db --accept-data-loss").code(1);
    let case = case.database("other.db", "CREATE TABLE mine(a)").without("migrations/0004_wrong.sql");
    case.run_untouched("migrate reset --db other.db --accept-data-loss").code(4).stderr_eq(str![[r#"
error[W0719]: other.db was not made by these migrations, and is not emptied
  = note: other.db is unchanged
  = help: if nothing in it is needed, remove the file yourself
  = help: if the migrations made it, adopt it: whimbrel migrate baseline --db other.db

"#]]);
    // What is not there, or empty, needs no acceptance.
    case.run("migrate reset --db new.db --quiet").code(0);
    assert_eq!(case.query("new.db", "SELECT count(*) FROM notes"), "1");
}

#[test]
fn a_database_without_tables_is_new() {
    let case = Case::new().file("migrations/1.sql", "CREATE TABLE a(b);").file("app.db", "");
    case.run("migrate apply --db app.db --quiet").code(0);
    assert_eq!(case.query("app.db", "SELECT count(*) FROM a"), "0");
}
