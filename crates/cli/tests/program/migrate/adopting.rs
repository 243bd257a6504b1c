//! `baseline`: databases that somebody else has made.

use snapbox::str;

use super::{SCRIPTS, applied, listed, plain, problems};
use crate::support::Case;

/// A database that was made by hand, up to a migration.
fn by_hand(case: Case, up_to: usize) -> Case {
    let scripts: String = SCRIPTS.iter().take(up_to).map(|(_, up, _)| *up).collect();
    case.database("app.db", &format!("{scripts}INSERT INTO users (mail) VALUES ('ada@example.org');"))
}

#[test]
fn the_only_version_with_this_schema() {
    let case = by_hand(listed(), 2);
    assert_eq!(problems(&case, 4), ["W0713 null app.db"]);
    case.run_untouched("migrate apply --db app.db").code(4).stderr_eq(str![[r#"
error[W0713]: app.db has tables, and no record of which migrations made them
  = note: app.db is unchanged
  = help: adopt it with `whimbrel migrate baseline`; an app does it with `Migrator::adopt`

"#]]);
    case.run("migrate baseline --db app.db")
        .code(0)
        .stdout_eq(str![[r#"
app.db is adopted at 0002_add-notes: 2 migrations are recorded as run (the only version with this schema).
Run the one that follows: whimbrel migrate apply --db app.db

"#]])
        .stderr_eq("");
    case.run("migrate apply --db app.db --quiet").code(0);
    assert_eq!(case.query("app.db", "SELECT mail || ifnull(age, '-') FROM users"), "ada@example.org-");
    case.run_untouched("migrate baseline --db app.db").code(4).stderr_eq(str![[r#"
error[W0722]: app.db has a record of migrations already
  = note: app.db is unchanged
  = help: look at it: whimbrel migrate status --db app.db

"#]]);
    // What was adopted was not run, and is not rolled back.
    case.run("migrate rollback --db app.db --quiet").code(0);
    case.run_untouched("migrate rollback --db app.db --accept-data-loss").code(4).stderr_eq(str![[r#"
error[W0722]: the last migrations were adopted, and have not been run by Whimbrel
  = note: app.db is unchanged
  = help: to undo them all the same: whimbrel migrate down --db app.db --to …

"#]]);
}

#[test]
fn several_versions_have_it() {
    let case = plain().file("migrations/0004_rows.sql", "UPDATE notes SET body = 'hi' WHERE body = 'welcome';\n");
    let case = by_hand(case, 3);
    case.run_untouched("migrate baseline --db app.db").code(4).stderr_eq(str![[r#"
error[W0720]: several versions have the schema of the database: 0003_age, 0004_rows
  = note: app.db is unchanged
  = help: they differ in rows only: name the newest that has run with --to

"#]]);
    case.run("migrate baseline --db app.db --to 0003 --quiet").code(0);
    case.run_untouched("migrate pending --db app.db").stdout_eq("0004_rows\n");
}

#[test]
fn no_version_has_it() {
    let case = by_hand(plain(), 2);
    case.open("app.db").execute_batch("ALTER TABLE users ADD COLUMN phone TEXT").expect("a column");
    case.run_untouched("migrate baseline --db app.db").code(4).stderr_eq(str![[r#"
error[W0720]: the database has the schema of no version, and no record of another tool
  = note: app.db is unchanged
  = help: name the newest migration that has run with --to, and see what differs

"#]]);
    case.run("migrate baseline --db app.db --to 2").code(4).stderr_eq(str![[r#"
error[W0715]: the schema was changed behind the migrations' back: table users is another (- phone)
  = note: all was rolled back: app.db is unchanged
  = help: put it back, or write a migration that expects it
  = help: `whimbrel migrate status` shows all of it; --accept-drift takes the schema as it is
  = help: name the migration up to which the database has run, or correct the migrations

"#]]);
    let value = case.json("migrate baseline --db app.db --to 2 --accept-drift", 0);
    assert_eq!(value["adopted"].as_array().map(Vec::len), Some(2));
    assert!(value["warnings"][0].as_str().is_some_and(|text| text.contains("phone")));
}

#[test]
fn the_record_of_another_tool() {
    let case = by_hand(plain(), 2);
    case.open("app.db").execute_batch("PRAGMA user_version = 2").expect("a number");
    case.run_untouched("migrate status --db app.db")
        .code(4)
        .stdout_eq(str![[r#"
migrations → app.db    plain SQL files, 3 migrations

  + 0001_start      pending
  + 0002_add-notes  pending
  + 0003_age        pending

app.db has run none of them. As it stands, nothing can be run.
It has a record of 2 migrations by user_version. Adopt it: whimbrel migrate baseline --db app.db

"#]])
        .stderr_eq(str![[r#"
error[W0713]: app.db has another tool's record of migrations, and none of Whimbrel's
  = help: adopt it with `whimbrel migrate baseline`; an app does it with `Migrator::adopt`

"#]]);
    case.run("migrate baseline --db app.db").code(0).stdout_eq(str![[r#"
app.db is adopted at 0002_add-notes: 2 migrations are recorded as run (as the record of user_version says).
Run the one that follows: whimbrel migrate apply --db app.db

"#]]);
    let case = by_hand(plain(), 2);
    case.open("app.db").execute_batch("PRAGMA user_version = 2").expect("a number");
    case.run("migrate apply --db app.db --adopt")
        .code(0)
        .stdout_eq(str![[r#"
  + 0003_age  [MS]
Done in [TIME]: 1 migration. app.db is at 0003_age.

"#]])
        .stderr_eq("");
    assert_eq!(case.query("app.db", "SELECT group_concat(origin) FROM _whimbrel_migrations"), "baseline,baseline,run");
}

#[test]
fn nothing_to_adopt() {
    let case = listed();
    case.run_untouched("migrate baseline --db app.db").code(1);
    let case = applied(case).file("empty.db", "");
    case.run_untouched("migrate baseline --db empty.db").code(4).stderr_eq(str![[r#"
error[W0720]: empty.db is empty: there is nothing to adopt
  = note: empty.db is unchanged
  = help: make it: whimbrel migrate apply --db empty.db

"#]]);
}
