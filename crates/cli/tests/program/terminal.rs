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
