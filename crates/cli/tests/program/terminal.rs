//! What is asked on a terminal. `script` of util-linux makes one; where it is missing, there is nothing to test with.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Case, NOTES};

/// Runs the program on a terminal and presses keys, each when there was time to read the question.
fn typed(case: &Case, line: &str, keys: &[&str]) -> Option<(String, Option<i32>)> {
    let command = format!("'{}' {line}", env!("CARGO_BIN_EXE_whimbrel"));
    let mut child = Command::new("script")
        .args(["-qefc", &command, "/dev/null"])
        .current_dir(case.path(""))
        .env("TERM", "xterm")
        .env_remove("WHIMBREL_DB")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut keyboard = child.stdin.take()?;
    for key in keys {
        std::thread::sleep(Duration::from_millis(900));
        // A program that ended reads nothing any more.
        let _ = keyboard.write_all(key.as_bytes()).and_then(|()| keyboard.flush());
    }
    std::thread::sleep(Duration::from_millis(900));
    drop(keyboard);
    let output = child.wait_with_output().ok()?;
    Some((String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code()))
}

const ENTER: &str = "\r";
const DOWN_AND_ENTER: &str = "\u{1b}[B\r";
const ESCAPE: &str = "\u{1b}";

fn renamed() -> Case {
    Case::with_notes().file("next.sql", NOTES.replace("mail TEXT", "email TEXT"))
}

#[test]
fn a_rename_is_asked_and_answered() {
    let case = renamed();
    let Some((told, status)) = typed(&case, "push --db app.db --schema next.sql", &[ENTER, ENTER]) else { return };
    assert!(told.contains("What became of column users.mail?") && told.contains("Run it?"), "{told}");
    assert_eq!(status, Some(0), "{told}");
    assert_eq!(case.query("app.db", "SELECT email FROM users WHERE id = 1"), "ada@example.org");
}

#[test]
fn a_loss_is_asked_and_declined() {
    let case = renamed();
    let keys = [DOWN_AND_ENTER, ENTER];
    let Some((told, status)) = typed(&case, "push --db app.db --schema next.sql", &keys) else { return };
    assert!(told.contains("Accept this loss?") && told.contains("W0604"), "{told}");
    assert_eq!(status, Some(4), "{told}");
    assert_eq!(case.query("app.db", "SELECT mail FROM users WHERE id = 1"), "ada@example.org");
}

#[test]
fn a_loss_is_asked_and_accepted() {
    let case = renamed();
    let keys = [DOWN_AND_ENTER, "y\r", ENTER];
    let Some((told, status)) = typed(&case, "push --db app.db --schema next.sql", &keys) else { return };
    assert_eq!(status, Some(0), "{told}");
    assert_eq!(case.query("app.db", "SELECT email FROM users WHERE id = 1"), "NULL");
}

#[test]
fn no_answer_changes_nothing() {
    let case = renamed();
    let Some((told, status)) = typed(&case, "push --db app.db --schema next.sql", &[ESCAPE]) else { return };
    assert!(told.contains("W0604"), "{told}");
    assert_eq!(status, Some(4), "{told}");
}

#[test]
fn with_yes_nothing_is_asked() {
    let case = renamed();
    let Some((told, status)) = typed(&case, "push --db app.db --schema next.sql --yes", &[]) else { return };
    assert!(told.contains("W0201") && !told.contains("What became"), "{told}");
    assert_eq!(status, Some(4), "{told}");
    let Some((told, status)) = typed(&case, "push --db app.db --schema next.sql --json", &[]) else { return };
    assert_eq!(status, Some(4), "{told}");
}

#[test]
fn a_restore_is_asked() {
    let case = renamed();
    case.run("push --db app.db --schema next.sql --accept-data-loss --backup --quiet").code(0);
    let Some((told, status)) = typed(&case, "restore --db app.db --latest", &[ENTER]) else { return };
    assert_eq!(status, Some(4), "{told}");
    let Some((told, status)) = typed(&case, "restore --db app.db --latest", &["y\r"]) else { return };
    assert_eq!(status, Some(0), "{told}");
    assert_eq!(case.query("app.db", "SELECT mail FROM users WHERE id = 1"), "ada@example.org");
}

/// A folder with one migration, a database with rows that has run it, and a schema that renames.
fn migrated() -> Case {
    let case = Case::new().file("schema.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, mail TEXT);\n");
    case.run("migrate generate --name start --schema schema.sql --quiet").code(0);
    case.run("migrate apply --db app.db --quiet").code(0);
    case.database("app.db", "INSERT INTO users VALUES (1, 'ada@example.org')")
        .file("schema.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);\n")
}

#[test]
fn generate_asks_what_became_of_a_column_and_apply_whether_to_run() {
    let case = migrated();
    let line = "migrate generate --name e-mail --schema schema.sql";
    let Some((told, status)) = typed(&case, line, &[ENTER]) else { return };
    assert!(told.contains("What became of column users.mail?"), "{told}");
    assert_eq!(status, Some(0), "{told}");
    let Some((told, status)) = typed(&case, "migrate apply --db app.db", &["n\r"]) else { return };
    assert!(told.contains("Run them?") && told.contains("W0604"), "{told}");
    assert_eq!(status, Some(4), "{told}");
    assert_eq!(case.query("app.db", "SELECT mail FROM users"), "ada@example.org");
    let Some((told, status)) = typed(&case, "migrate apply --db app.db", &[ENTER]) else { return };
    assert_eq!(status, Some(0), "{told}");
    assert_eq!(case.query("app.db", "SELECT email FROM users"), "ada@example.org");
}

#[test]
fn generate_asks_before_something_is_lost() {
    let case = migrated();
    let line = "migrate generate --name e-mail --schema schema.sql";
    let Some((told, status)) = typed(&case, line, &[DOWN_AND_ENTER, ENTER]) else { return };
    assert!(told.contains("Accept this loss?") && told.contains("W0604"), "{told}");
    assert_eq!(status, Some(4), "{told}");
    assert_eq!(case.json("migrate status", 0)["newest"], 1, "nothing was written");
    let Some((told, status)) = typed(&case, line, &[DOWN_AND_ENTER, "y\r"]) else { return };
    assert_eq!(status, Some(0), "{told}");
    assert!(case.text("migrations/0002_e-mail.sql").contains("-- Loses: column users.mail"));
}

#[test]
fn what_takes_rows_away_is_asked() {
    let case = migrated();
    let Some((told, status)) = typed(&case, "migrate down --db app.db", &[ENTER]) else { return };
    assert!(told.contains("Accept this loss?"), "{told}");
    assert_eq!(status, Some(4), "{told}");
    let Some((told, status)) = typed(&case, "migrate reset --db app.db", &[ENTER]) else { return };
    assert!(told.contains("Empty app.db? It has 1 row."), "{told}");
    assert_eq!(status, Some(4), "{told}");
    assert_eq!(case.query("app.db", "SELECT count(*) FROM users"), "1");
    let Some((told, status)) = typed(&case, "migrate reset --db app.db", &["y\r"]) else { return };
    assert_eq!(status, Some(0), "{told}");
    assert_eq!(case.query("app.db", "SELECT count(*) FROM users"), "0");
    let case = case.database("app.db", "INSERT INTO users VALUES (1, 'ada@example.org')");
    let Some((told, status)) = typed(&case, "migrate down --db app.db", &["y\r", ENTER]) else { return };
    assert!(told.contains("Undo them?"), "{told}");
    assert_eq!(status, Some(0), "{told}");
    let Some((told, status)) = typed(&case, "migrate drop --last", &[ENTER]) else { return };
    assert!(told.contains("Take 0001_start out?"), "{told}");
    assert_eq!(status, Some(0), "{told}");
}
