//! Every request of a run fails once, in every way a request can fail, and the outcome is right each time.
//!
//! The story: a migration tool stamped its version, the commit failed, and the app believed the stamp. Here a host
//! that fails its n-th request, for every n, is put between the procedures and SQLite; afterwards the file is opened
//! afresh and must hold the old version or the new one, whole, and agree with what the error said.

use std::path::Path;

#[path = "support/faulty.rs"]
mod faulty;

use faulty::{Faulty, Mode};
use rusqlite::Connection as Rusqlite;
use whimbrel::run::{Cancel, Report, Settings, block_on, make_plan, run_plan};
use whimbrel::sqlite_host::read_schema;
use whimbrel::{Code, Error, Planner, Schema, State};

const BEFORE: &str = "
    CREATE TABLE team(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
    CREATE TABLE person(
      id INTEGER PRIMARY KEY, team_id INT REFERENCES team(id) ON DELETE CASCADE, mail TEXT, age TEXT, gone TEXT);
    CREATE INDEX person_team ON person(team_id);
    CREATE TABLE log(line TEXT);
    CREATE TRIGGER person_log AFTER INSERT ON person BEGIN INSERT INTO log VALUES (new.mail); END;
    CREATE VIEW mails AS SELECT mail FROM person;
    CREATE TABLE old(a);
    CREATE TABLE strict_later(a INT CHECK (a > 0), b TEXT);";

const AFTER: &str = "
    CREATE TABLE team(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL DEFAULT '-', size REAL UNIQUE);
    CREATE TABLE person(
      id INTEGER PRIMARY KEY, team_id INT REFERENCES team(id) ON DELETE CASCADE, email TEXT, age INTEGER);
    CREATE INDEX person_team ON person(team_id);
    CREATE UNIQUE INDEX person_mail ON person(email);
    CREATE TABLE log(line TEXT, at TEXT);
    CREATE TRIGGER person_log AFTER INSERT ON person BEGIN INSERT INTO log(line) VALUES (new.email); END;
    CREATE VIEW mails AS SELECT email FROM person;
    CREATE TABLE fresh(a);
    CREATE TABLE strict_later(a INT, b TEXT);";

fn settings() -> Settings {
    let mut settings = Settings { accept_data_loss: true, ..Settings::default() };
    settings.answers.rename("person.mail", "email").unwrap();
    settings
}

fn make_database(path: &Path) {
    let db = Rusqlite::open(path).unwrap();
    db.execute_batch(BEFORE).unwrap();
    db.execute_batch(
        "INSERT INTO team(name) VALUES ('a'), (NULL), ('c'); DELETE FROM team WHERE id = 3;
         INSERT INTO person VALUES (1, 1, 'x@y', '41', 'g'), (5, 2, NULL, 'old', NULL), (9, NULL, 'z@y', NULL, 'h');
         INSERT INTO old VALUES (1); INSERT INTO strict_later VALUES (1, 'b');",
    )
    .unwrap();
}

fn rows(db: &Rusqlite, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(sql).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let values: Vec<_> = (0..columns).map(|c| format!("{:?}", row.get_ref(c).unwrap())).collect();
        Ok(values.join("|"))
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// Checks that the file holds one of the two versions, whole; returns whether it is the new one.
fn check_file(path: &Path, story: &str) -> bool {
    let mut db = Rusqlite::open(path).unwrap();
    let (before, after) = (Schema::from_sql(BEFORE).unwrap(), Schema::from_sql(AFTER).unwrap());
    let now = read_schema(&mut db).unwrap().fingerprint();
    let is_new = now == after.fingerprint();
    assert!(is_new || now == before.fingerprint(), "{story}: neither the old nor the new schema");
    let ok: String = db.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
    assert_eq!(ok, "ok", "{story}");
    assert!(rows(&db, "PRAGMA foreign_key_check").is_empty(), "{story}");
    let mail = if is_new { "email" } else { "mail" };
    assert_eq!(
        rows(&db, &format!("SELECT id, team_id, {mail} FROM person ORDER BY id")),
        [
            "Integer(1)|Integer(1)|Text([120, 64, 121])",
            "Integer(5)|Integer(2)|Null",
            "Integer(9)|Null|Text([122, 64, 121])"
        ],
        "{story}"
    );
    let sequence: i64 = db.query_row("SELECT seq FROM sqlite_sequence WHERE name = 'team'", [], |r| r.get(0)).unwrap();
    assert_eq!(sequence, 3, "{story}: a deleted id would be given out again");
    let teams: i64 = db.query_row("SELECT count(*) FROM team", [], |r| r.get(0)).unwrap();
    assert_eq!(teams, 2, "{story}");
    is_new
}

fn attempt(host: &mut Faulty) -> Result<Report, Error> {
    let schema = Schema::from_sql(AFTER).unwrap();
    block_on(async {
        let plan = make_plan(host, &schema, &settings(), &mut |_| None).await?;
        run_plan(host, &plan, &mut (), &Cancel::default()).await
    })
}

/// The app's connection is as it was, or the error says that it is not.
fn check_settings(host: &Faulty, outcome: &Result<Report, Error>, story: &str) {
    let said = outcome
        .as_ref()
        .err()
        .is_some_and(|e| e.code() == Code::NotRestored || e.report().help.iter().any(|h| h.contains("open a new")));
    let db: &Rusqlite = std::borrow::Borrow::borrow(&host.inner);
    for (name, value) in [("foreign_keys", 1), ("legacy_alter_table", 0), ("writable_schema", 0)] {
        let now: i64 = db.query_row(&format!("PRAGMA {name}"), [], |r| r.get(0)).unwrap();
        assert!(now == value || said || host.mode == Mode::Sticky, "{story}: {name} is left at {now}");
    }
}

/// Fails request `n`, checks everything, and tells whether the run came that far.
fn fail_at(folder: &Path, journal: &str, mode: Mode, n: usize) -> bool {
    let story = format!("journal {journal}, {mode:?}, request {n}");
    let path = folder.join(format!("{journal}-{mode:?}-{n}.db"));
    make_database(&path);
    let conn = Rusqlite::open(&path).unwrap();
    conn.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).unwrap();
    conn.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    let mut host = Faulty::new(conn, n, mode);
    let outcome = attempt(&mut host);
    let reached = host.failed;
    check_settings(&host, &outcome, &story);
    drop(host);
    let is_new = check_file(&path, &story);
    match &outcome {
        Ok(_) => assert!(is_new, "{story}: said done, and was not"),
        Err(e) => match e.report().state {
            State::Unchanged | State::RolledBack => assert!(!is_new, "{story}: said nothing changed: {e}"),
            State::Applied => assert!(is_new, "{story}: said applied: {e}"),
            State::Unknown => assert_eq!(e.code(), Code::OutcomeUnknown, "{story}"),
            State::Begun => panic!("{story}: a push has no parts: {e}"),
        },
    }
    // Whatever happened, the next start gets there.
    let mut db = Rusqlite::open(&path).unwrap();
    let schema = Schema::from_sql(AFTER).unwrap();
    let mut planner = Planner::new(&schema).accept_data_loss(true).rename("person.mail", "email").unwrap();
    planner.push(&mut db).unwrap_or_else(|e| panic!("{story}: the next start failed: {e}"));
    drop(db);
    assert!(check_file(&path, &story), "{story}");
    if !reached {
        outcome.unwrap();
    }
    reached
}

#[test]
fn fault_049_every_request_fails_once_and_the_outcome_is_right() {
    let folder = tempfile::tempdir().unwrap();
    for journal in ["delete", "wal"] {
        for mode in [Mode::Before, Mode::After, Mode::Sticky] {
            let requests = (0..).take_while(|n| fail_at(folder.path(), journal, mode, *n)).count();
            assert!(requests > 100, "the run has only {requests} requests: it is not what this test is about");
        }
    }
}
