//! What happens around the program: pipes that close, disks that are full, names that are no text, signals, crashes.
#![cfg(unix)]

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use snapbox::str;

use crate::support::{Case, NOTES, counted_in};

fn shell(case: &Case, script: &str) -> std::process::Output {
    let script = script.replace("whimbrel", &format!("'{}'", env!("CARGO_BIN_EXE_whimbrel")));
    Command::new("sh").args(["-c", &script]).current_dir(case.path("")).output().expect("a shell")
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let columns: Vec<_> = (0..1500).map(|n| format!("a_column_with_a_long_name_{n} TEXT")).collect();
    let tables: Vec<_> = (0..9).map(|n| format!("CREATE TABLE t{n}({});", columns.join(", "))).collect();
    let case = Case::new().database("app.db", &tables.join("\n"));
    for command in ["pull --db app.db", "pull --db app.db --json", "completions bash", "push --help"] {
        let output = shell(&case, &format!("{{ whimbrel {command}; echo status $? >&2; }} | true"));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "status 0\n", "{command}");
    }
}

/// The push that was asked for is made, whoever reads along.
#[test]
fn a_push_is_made_though_nobody_reads() {
    let case = Case::with_notes().file("next.sql", format!("{NOTES}CREATE TABLE tags(name);"));
    shell(&case, "whimbrel push --db app.db --schema next.sql | true");
    case.run_untouched("plan --db app.db --schema next.sql").stdout_eq("No changes.\n");
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_is_lost_is_a_failure() {
    let case = Case::with_notes();
    for command in ["pull --db app.db", "pull --db app.db --json", "diff notes.sql app.db --json"] {
        let output = shell(&case, &format!("whimbrel {command} > /dev/full"));
        assert_eq!(output.status.code(), Some(1), "{command}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.starts_with("error[W0603]: standard output cannot be written"), "{told}");
    }
}

#[test]
fn names_that_are_no_text() {
    let case = Case::new();
    let name = |bytes: &'static [u8]| OsStr::from_bytes(bytes);
    // Some file systems take nothing but UTF-8.
    if std::fs::write(case.path("").join(name(b"sch\xffma.sql")), NOTES).is_err() {
        return;
    }
    let run = |db: &OsStr| {
        case.command("push --quiet --backup --schema").arg(name(b"sch\xffma.sql")).arg("--db").arg(db).assert()
    };
    run(name(b"app\xfe.db")).code(0).stderr_eq("");
    run(name(b"sqlite:app\xfe.db")).code(0).stderr_eq("");
    assert!(case.path("").join(name(b"app\xfe.db")).exists());
    case.command("restore --db").arg(name(b"app\xfe.db")).assert().code(0);
    case.command("plan --db app.db --rename").arg(name(b"\xff=a")).assert().code(2);
    case.command("plan --db app.db --schema").arg(name(b"nix\xff.sql")).assert().code(1).stderr_eq(str![[r#"
error[W0107]: there is no nix�.sql
  = help: look for a slip in the name, or start from a database with `whimbrel pull --db app.db`

"#]]);
}

/// Files copied in the middle of a transaction are what a crash leaves: a database that nobody can read before its
/// journal is rolled back.
#[test]
fn a_database_that_a_crash_left_behind() {
    let case = Case::with_notes();
    let writer = case.open("app.db");
    writer
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN; UPDATE users SET mail = 'lost';
             WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
             INSERT INTO users SELECT i, hex(randomblob(40)) FROM n;",
        )
        .expect("a transaction that spills");
    for name in ["app.db", "app.db-journal"] {
        std::fs::copy(case.path(name), case.path(&name.replace("app", "crashed"))).expect("a copy");
    }
    drop(writer);
    case.run("plan --db crashed.db --schema notes.sql").code(0).stdout_eq("No changes.\n").stderr_eq("");
    assert_eq!(case.query("crashed.db", "SELECT mail FROM users WHERE id = 1"), "ada@example.org");
    assert_eq!(case.query("crashed.db", "SELECT count(*) FROM users"), "2");
}

/// Ctrl-C during a run that would take long: planning is quick, and every row of the index costs time.
#[test]
fn an_interrupted_push_changes_nothing() {
    let many = "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
                INSERT INTO users SELECT i, NULL FROM n;";
    let slow = "CREATE VIEW v AS SELECT 1; CREATE INDEX slow ON users (length(hex(zeroblob(300000 + id))));";
    let case = Case::with_notes().database("app.db", many).file("next.sql", format!("{NOTES}{slow}"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_whimbrel"))
        .args(["push", "--db", "app.db", "--schema", "next.sql"])
        .current_dir(case.path(""))
        .env_clear()
        .envs(counted_in())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // The view is made at once, and with it the journal; the index takes longer than any start of the program.
    let begun = std::time::Instant::now();
    while !case.path("app.db-journal").exists() {
        assert!(begun.elapsed() < Duration::from_secs(120), "nothing is written");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_secs(2));
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("a signal");
    assert!(interrupted.success());
    let status = child.wait().expect("the program ends");
    let mut told = String::new();
    child.stderr.take().expect("standard error").read_to_string(&mut told).expect("text");
    assert_eq!(status.code(), Some(1), "{told}");
    snapbox::assert_data_eq!(
        told,
        str![[r#"
error[W0307]: the run was cancelled
  = note: the statement was CREATE INDEX main.slow ON users (length(hex(zeroblob(300000 + id))))
  = note: interrupted
  = note: all was rolled back: app.db is unchanged

"#]]
    );
    assert_eq!(case.query("app.db", "SELECT count(*) FROM sqlite_schema WHERE name IN ('slow', 'v')"), "0");
    assert_eq!(case.query("app.db", "SELECT count(*) FROM users"), "59903");
    assert_eq!(case.names(), ["app.db", "next.sql", "notes.sql"]);
}
