//! `down` and `rollback`.

use snapbox::str;

use super::{applied, listed, problems, with_journal};

#[test]
fn a_step_that_loses_nothing() {
    let case = listed();
    case.run("migrate apply --db app.db --quiet").code(0);
    case.run("migrate down --db app.db")
        .code(0)
        .stdout_eq(str![[r#"
  - 0003_age
Done in [TIME]: 1 migration undone. app.db is at 0002_add-notes.

"#]])
        .stderr_eq("");
    assert_eq!(case.query("app.db", "SELECT group_concat(name) FROM pragma_table_info('users')"), "id,mail");
    case.run_untouched("migrate pending --db app.db").stdout_eq("0003_age\n");
    case.run("migrate apply --db app.db --quiet").code(0);
    assert_eq!(problems(&case, 0), Vec::<String>::new());
}

#[test]
fn a_loss_is_refused_until_it_is_accepted() {
    let case = applied(listed());
    case.run_untouched("migrate down --db app.db").code(4).stderr_eq(str![[r#"
error[W0202]: this would lose column users.age (1 row)
  = note: app.db is unchanged
  = help: say --accept-data-loss if that is meant

"#]]);
    let value = case.json("migrate down --db app.db --to 1", 4);
    assert_eq!(value["lost"], serde_json::json!(["column users.age (1 row)", "table notes (1 row)"]));
    case.run_untouched("migrate down --db app.db --steps 2 --dry-run").code(0).stdout_eq(str![[r#"
  - 0003_age
  - 0002_add-notes

  ! data loss: column users.age (1 row)
  ! data loss: table notes (1 row)
-- undo 0003_age
ALTER TABLE users DROP COLUMN age;

-- undo 0002_add-notes
DROP TABLE notes;


"#]]);
    let value = case.json("migrate down --db app.db --to 0001 --accept-data-loss --backup", 0);
    let names: Vec<_> = value["undone"].as_array().expect("a list").iter().map(|m| m["name"].clone()).collect();
    assert_eq!(names, ["age", "add-notes"]);
    assert!(value["backup"]["bytes"].is_u64());
    assert_eq!(case.query("app.db", "SELECT group_concat(id) FROM users"), "1,7");
    assert_eq!(case.query("app.db", "SELECT count(*) FROM sqlite_schema WHERE name = 'notes'"), "0");
}

#[test]
fn all_of_them() {
    let case = applied(listed());
    case.run("migrate down --db app.db --to 0 --accept-data-loss").code(0);
    assert_eq!(case.query("app.db", "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE '%whimbrel%'"), "0");
    case.run_untouched("migrate down --db app.db").code(0).stdout_eq("Nothing to undo.\n");
    case.run_untouched("migrate rollback --db app.db").code(0).stdout_eq("Nothing to undo.\n");
    case.run("migrate apply --db app.db --quiet").code(0);
    case.run_untouched("migrate down --db app.db --steps 9 --accept-data-loss").code(1).stderr_eq(str![[r#"
error[W0723]: the database has run 3 migrations, and 9 are to be undone
  = note: app.db is unchanged
  = help: to undo all: whimbrel migrate down --db app.db --to 0

"#]]);
    case.run_untouched("migrate down --db app.db --steps 0").code(2);
    case.run_untouched("migrate down --db app.db --steps 1 --to 1").code(2);
}

#[test]
fn the_last_run_is_rolled_back() {
    let case = listed();
    case.run("migrate apply --db app.db --to 1 --quiet").code(0);
    case.run("migrate apply --db app.db --quiet").code(0);
    case.run_untouched("migrate rollback --db app.db").code(4);
    case.run("migrate rollback --db app.db --accept-data-loss").code(0).stdout_eq(str![[r#"
  ! data loss: table notes (1 row)
  - 0003_age
  - 0002_add-notes
Done in [TIME]: 2 migrations undone. app.db is at 0001_start.

"#]]);
    case.run_untouched("migrate pending --db app.db").stdout_eq("0002_add-notes\n0003_age\n");
    case.run("migrate rollback --db app.db --quiet").code(0);
    case.run_untouched("migrate pending --db app.db").stdout_eq("0001_start\n0002_add-notes\n0003_age\n");
}

#[test]
fn what_has_no_way_back() {
    let case = applied(listed()).without("migrations/0003_age.down.sql");
    case.run_untouched("migrate down --db app.db --accept-data-loss").code(4).stderr_eq(str![[r#"
error[W0717]: 0003_age cannot be undone: it has no .down.sql
  = note: app.db is unchanged
  = help: bring back a backup of before, or write a new migration that changes it

"#]]);
    let case = case.file("migrations/0003_age.down.sql", "ALTER TABLE users DROP COLUMN age;\n");
    let case = case.edit("migrations/0003_age.sql", "-- The age", "-- whimbrel: irreversible\n-- The age");
    let value = case.json("migrate rollback --db app.db --accept-data-loss", 4);
    assert_eq!((&value["error"]["code"], &value["error"]["migration"]), (&"W0717".into(), &"0003_age".into()));
}

#[test]
fn a_way_back_that_leads_elsewhere_changes_nothing() {
    let case = applied(listed()).file("migrations/0003_age.down.sql", "CREATE TABLE other(a);\n");
    case.run("migrate down --db app.db").code(1).stderr_eq(str![[r#"
error[W0306]: the way back does not lead to the old schema: table users is another (- age)
  = note: all was rolled back: app.db is unchanged
  = help: correct the .down.sql file: it undoes what its migration does

"#]]);
    assert_eq!(case.query("app.db", "SELECT count(*) FROM sqlite_schema WHERE name = 'other'"), "0");
    assert_eq!(problems(&case, 0), Vec::<String>::new());
}

#[test]
fn a_squash_apart_a_history_that_does_not_fit_is_not_undone() {
    let case = applied(listed()).edit("migrations/0002_add-notes.sql", "'welcome'", "'hello'");
    let case = with_journal(case);
    case.run_untouched("migrate down --db app.db --accept-data-loss").code(4).stderr_eq(str![[r#"
error[W0705]: 0002_add-notes.sql was edited after it ran: its checksum was 881fa1cf and is d1b4b383
  = note: app.db is unchanged
  = help: put the file back as it was, and write the change into a new migration
  = help: if both do the same, `whimbrel migrate repair --db …` takes the new checksum over

"#]]);
}
