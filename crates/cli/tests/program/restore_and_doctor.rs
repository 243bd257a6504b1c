//! `whimbrel restore` and `whimbrel doctor`.

use snapbox::str;

use crate::support::{Case, NOTES};

fn with_a_backup() -> Case {
    let case = Case::with_notes().file("next.sql", "CREATE TABLE users(id INTEGER PRIMARY KEY, mail TEXT);");
    case.run("push --db app.db --schema next.sql --accept-data-loss --backup --quiet").code(0);
    case
}

#[test]
fn a_backup_is_listed_and_brought_back() {
    let case = with_a_backup();
    case.run_untouched("restore --db app.db")
        .code(0)
        .stdout_eq(str![[r#"
app.db.backup-[STAMP]  [MOMENT]  20 kB

"#]])
        .stderr_eq("");
    case.run_untouched("restore --db app.db --list").code(0);
    case.run("restore --db app.db --latest")
        .code(0)
        .stdout_eq(str![[r#"
app.db is restored from app.db.backup-[STAMP].
What it held before is kept as app.db.backup-[STAMP].

"#]])
        .stderr_eq("");
    assert_eq!(case.query("app.db", "SELECT group_concat(id) FROM notes"), "3,9,12");
    case.run_untouched("plan --db app.db --schema notes.sql").code(0).stdout_eq("No changes.\n");
}

#[test]
fn a_backup_is_brought_back_by_its_name() {
    let case = with_a_backup();
    let name = case.names().into_iter().find(|name| name.contains(".backup-")).expect("a backup");
    case.run(&format!("restore --db app.db --yes {name}")).code(0);
    assert_eq!(case.query("app.db", "SELECT count(*) FROM notes"), "3");
}

#[test]
fn a_backup_brings_back_a_database_that_is_gone() {
    let case = with_a_backup();
    std::fs::remove_file(case.path("app.db")).expect("the database");
    case.run("restore --db app.db --latest").code(0);
    assert_eq!(case.query("app.db", "SELECT count(*) FROM notes"), "3");
}

#[test]
fn there_is_no_such_backup() {
    let case = Case::with_notes();
    case.run_untouched("restore --db app.db").code(0).stdout_eq(str![[r#"
app.db has no backups. `whimbrel push --backup` makes one.

"#]]);
    case.run_untouched("restore --db app.db --latest").code(1).stdout_eq("").stderr_eq(str![[r#"
error[W0502]: app.db has no backup
  = help: `whimbrel restore --db app.db` lists those there are

"#]]);
    let case = with_a_backup();
    case.run_untouched("restore --db app.db yesterday").code(1).stdout_eq("").stderr_eq(str![[r#"
error[W0502]: app.db has no backup yesterday
  = help: `whimbrel restore --db app.db` lists those there are

"#]]);
    case.run_untouched("restore --db app.db yesterday --latest").code(2);
}

#[test]
fn a_damaged_backup_is_not_brought_back() {
    let case = with_a_backup();
    let name = case.names().into_iter().find(|name| name.contains(".backup-")).expect("a backup");
    let case = case.file(&name, "no database at all, but a text".repeat(50));
    case.run_untouched("restore --db app.db --latest").code(1).stderr_eq("error[W0503]: [..]\n...");
}

#[test]
fn a_healthy_database() {
    let case = Case::new().file("notes.sql", NOTES).database("app.db", NOTES);
    case.run_untouched("doctor --db app.db").code(0).stdout_eq("app.db is well.\n").stderr_eq("");
}

#[test]
fn a_sick_database() {
    let case = Case::new().database(
        "app.db",
        "PRAGMA foreign_keys = OFF; CREATE TABLE p(id INTEGER PRIMARY KEY);
         CREATE TABLE a(b INTEGER REFERENCES p(id)); CREATE INDEX a_b ON a(b); INSERT INTO a VALUES (7);
         CREATE VIEW v AS SELECT nix FROM a;",
    );
    case.run_untouched("doctor --db app.db")
        .code(1)
        .stdout_eq(str![[r#"
error[D02]: a: 1 row refers to p, where there is no such row
  = `PRAGMA foreign_key_check` names the rows: delete them, or add what they refer to

error[D04]: v: this view is broken: no such column: nix
  = drop it, or mend what it refers to; until then SQLite renames no table and no column

app.db: 2 errors, 0 warnings.

"#]])
        .stderr_eq("");
}

#[test]
fn warnings_are_no_failure() {
    let case =
        Case::new().database("app.db", "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p(id));");
    case.run_untouched("doctor --db app.db")
        .code(0)
        .stdout_eq(str![[r#"
warning[D11]: c: foreign key (p) has no index
  = create one: without it, every change of a parent's key reads the whole table

app.db: 0 errors, 1 warning.

"#]])
        .stderr_eq("");
}
