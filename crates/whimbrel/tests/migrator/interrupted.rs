//! Every request of an upgrade fails once, in every way a request can fail; afterwards the file is opened afresh, holds a
//! version that its own record names, agrees with what the error said, and the next start gets to the newest version.

use std::path::Path;

use rusqlite::Connection as Rusqlite;
use whimbrel::history::{Record, RecordState};
use whimbrel::run::{Cancel, Hooks, Moment, UpgradeSettings, block_on, downgrade, upgrade};
use whimbrel::{Code, Error, History, Migration, Migrator, State, Transactions, Upgrade, UpgradeKind};

use super::faulty::{Faulty, Mode};
use super::support::{folder, one};

const SCRIPTS: [&str; 5] = [
    "CREATE TABLE team(id INTEGER PRIMARY KEY, name TEXT);
     CREATE TABLE person(id INTEGER PRIMARY KEY, team INT REFERENCES team(id) ON DELETE CASCADE, mail TEXT);",
    "ALTER TABLE person ADD COLUMN age INTEGER;
     CREATE TABLE log(line TEXT);
     CREATE TRIGGER person_log AFTER UPDATE ON person BEGIN INSERT INTO log VALUES (new.mail); END;",
    // A rebuild by hand, as other tools write it.
    "CREATE TABLE team_new(id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '-');
     INSERT INTO team_new SELECT id, coalesce(name, '?') FROM team;
     DROP TABLE team;
     ALTER TABLE team_new RENAME TO team;",
    "UPDATE person SET age = 40 WHERE age IS NULL;",
    "CREATE INDEX person_mail ON person(mail); CREATE VIEW mails AS SELECT mail FROM person;",
];

/// The fourth as phases that are committed one by one.
const PHASED: &str = "-- whimbrel: backfill
     UPDATE person SET age = 40 WHERE id IN (SELECT id FROM person WHERE age IS NULL LIMIT 1);
     -- whimbrel: phase later
     CREATE TABLE later(a);";

struct AppSteps;

impl Hooks<Faulty> for AppSteps {
    fn now(&mut self) -> i64 {
        0
    }

    fn has_steps(&self, migrations: &[&Migration]) -> bool {
        migrations.iter().any(|m| m.idx == 3)
    }

    async fn at(&mut self, host: &mut Faulty, moment: Moment<'_>) -> whimbrel::Result<()> {
        use whimbrel::run::Connection;
        if matches!(moment, Moment::After(m) if m.idx == 3) {
            let outcome = host.execute("UPDATE team SET name = name || '!' WHERE name NOT LIKE '%!'").await;
            outcome.map_err(|f| f.error(Code::AppStep, "a step failed"))?;
        }
        Ok(())
    }
}

fn history(phased: bool) -> History {
    let mut scripts = SCRIPTS;
    if phased {
        scripts[3] = PHASED;
    }
    folder(&scripts).history
}

fn make_database(path: &Path, history: &History) {
    let mut db = Rusqlite::open(path).unwrap();
    Migrator::new(&history.up_to(1)).run(&mut db).unwrap();
    db.execute_batch(
        "INSERT INTO team VALUES (1, 'a'), (2, NULL);
         INSERT INTO person(id, team, mail) VALUES (1, 1, 'x'), (5, 2, NULL), (9, NULL, 'z');",
    )
    .unwrap();
}

/// Checks that the file holds the version that its record names; returns that version.
fn check_file(path: &Path, history: &History, story: &str) -> u32 {
    let mut db = Rusqlite::open(path).unwrap();
    let ok: String = one(&db, "PRAGMA integrity_check");
    assert_eq!(ok, "ok", "{story}");
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM pragma_foreign_key_check"), 0, "{story}");
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM person"), 3, "{story}");
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM team"), 2, "{story}");
    let tracking = block_on(whimbrel::run::read_tracking(&mut whimbrel::sqlite_host::Sqlite::new(&db))).unwrap();
    let done: Vec<&Record> = tracking.records.iter().filter(|r| r.state == RecordState::Done).collect();
    let version = done.last().map_or(0, |r| r.idx);
    if tracking.records.iter().any(|r| r.state != RecordState::Done) {
        return version;
    }
    let mut fresh = Rusqlite::open_in_memory().unwrap();
    Migrator::new(&history.up_to(version)).run(&mut fresh).unwrap();
    let schema = |db: &mut Rusqlite| whimbrel::sqlite_host::read_schema(db).unwrap().fingerprint();
    assert_eq!(schema(&mut db), schema(&mut fresh), "{story}: the record says {version}");
    let names: String = one(&db, "SELECT group_concat(name) FROM (SELECT coalesce(name, '') AS name FROM team)");
    assert_eq!(names, if version >= 3 { "a!,?!" } else { "a," }, "{story}: a step ran without its migration");
    version
}

/// Whether a file holds a migration that has run in part.
fn is_begun(path: &Path) -> bool {
    let db = Rusqlite::open(path).unwrap();
    one::<bool>(&db, "SELECT EXISTS (SELECT 1 FROM _whimbrel_migrations WHERE phases IS NOT NULL)")
}

fn attempt(host: &mut Faulty, history: &History, transactions: Transactions) -> Result<Upgrade, Error> {
    let settings = UpgradeSettings { transactions, count_attempts: true, ..UpgradeSettings::default() };
    block_on(upgrade(host, history, &settings, &mut AppSteps, &mut (), &Cancel::default()))
}

fn check_settings(host: &Faulty, outcome: &Result<Upgrade, Error>, story: &str) {
    let said = outcome
        .as_ref()
        .err()
        .is_some_and(|e| e.code() == Code::NotRestored || e.report().help.iter().any(|h| h.contains("open a new")));
    let db: &Rusqlite = std::borrow::Borrow::borrow(&host.inner);
    for (name, value) in [("foreign_keys", 1), ("legacy_alter_table", 0), ("writable_schema", 0)] {
        let now: i64 = one(db, &format!("PRAGMA {name}"));
        assert!(now == value || said || host.mode == Mode::Sticky, "{story}: {name} is left at {now}");
    }
}

fn fail_at(folder: &Path, phased: bool, transactions: Transactions, mode: Mode, n: usize) -> bool {
    let story = format!("phased {phased}, {transactions:?}, {mode:?}, request {n}");
    let history = history(phased);
    let path = folder.join(format!("{phased}-{transactions:?}-{mode:?}-{n}.db"));
    make_database(&path, &history);
    let conn = Rusqlite::open(&path).unwrap();
    conn.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    let mut host = Faulty::new(conn, n, mode);
    let outcome = attempt(&mut host, &history, transactions);
    let reached = host.failed;
    check_settings(&host, &outcome, &story);
    drop(host);
    let version = check_file(&path, &history, &story);
    let is_whole = transactions == Transactions::Whole && !phased;
    match &outcome {
        Ok(_) => assert_eq!(version, 5, "{story}: said done, and was not"),
        Err(e) => match e.report().state {
            State::Unchanged | State::RolledBack if is_whole => {
                assert_eq!(version, 1, "{story}: said nothing changed: {e}");
            }
            // The record that is written with the last phase is not there before its commit.
            State::Unchanged | State::RolledBack => assert!(version < 5 && !is_begun(&path), "{story}: {e}"),
            State::Begun => assert!(phased && is_begun(&path), "{story}: {e}"),
            State::Applied => assert_eq!(version, 5, "{story}: said applied: {e}"),
            State::Unknown => assert_eq!(e.code(), Code::OutcomeUnknown, "{story}"),
        },
    }
    // Whatever happened, the next start gets there.
    let conn = Rusqlite::open(&path).unwrap();
    let mut host = Faulty::new(conn, usize::MAX, Mode::Before);
    attempt(&mut host, &history, transactions).unwrap_or_else(|e| panic!("{story}: the next start failed: {e}"));
    drop(host);
    assert_eq!(check_file(&path, &history, &story), 5, "{story}");
    let mut db = Rusqlite::open(&path).unwrap();
    assert_eq!(Migrator::new(&history).run(&mut db).unwrap().kind, UpgradeKind::Unchanged, "{story}");
    if !reached {
        outcome.unwrap();
    }
    reached
}

#[test]
fn fault_049_every_request_of_an_upgrade_fails_once_and_the_outcome_is_right() {
    let folder = tempfile::tempdir().unwrap();
    for (phased, transactions) in
        [(false, Transactions::Whole), (false, Transactions::Each), (true, Transactions::Whole)]
    {
        for mode in [Mode::Before, Mode::After, Mode::Sticky] {
            let requests = (0..).take_while(|n| fail_at(folder.path(), phased, transactions, mode, *n)).count();
            assert!(requests > 60, "the run has only {requests} requests: it is not what this test is about");
        }
    }
}

#[test]
fn fault_049_every_request_of_a_way_back_fails_once_and_the_outcome_is_right() {
    use whimbrel::{Files, Folder, MemoryFiles};
    let mut files = MemoryFiles::default();
    for (path, text) in [
        ("1_start.sql", "CREATE TABLE person(id INTEGER PRIMARY KEY, mail TEXT);"),
        ("2_age.sql", "ALTER TABLE person ADD COLUMN age INTEGER; CREATE TABLE extra(a);"),
        ("2_age.down.sql", "ALTER TABLE person DROP COLUMN age; DROP TABLE extra;"),
    ] {
        files.write(path, text.as_bytes()).unwrap();
    }
    let history = Folder::read(&files).unwrap().history;
    let scratch = tempfile::tempdir().unwrap();
    for mode in [Mode::Before, Mode::After, Mode::Sticky] {
        for n in 0.. {
            let story = format!("{mode:?}, request {n}");
            let path = scratch.path().join(format!("{mode:?}-{n}.db"));
            let mut db = Rusqlite::open(&path).unwrap();
            Migrator::new(&history).run(&mut db).unwrap();
            db.execute_batch("INSERT INTO person VALUES (1, 'x', 3)").unwrap();
            let records =
                block_on(whimbrel::run::read_tracking(&mut whimbrel::sqlite_host::Sqlite::new(&db))).unwrap().records;
            let undone = whimbrel::run::undone(&records, 1);
            let mut host = Faulty::new(db, n, mode);
            let settings = UpgradeSettings::default();
            let outcome = block_on(downgrade(&mut host, &history, &undone, &settings, &mut (), &Cancel::default()));
            let reached = host.failed;
            check_settings(&host, &outcome, &story);
            drop(host);
            let mut db = Rusqlite::open(&path).unwrap();
            assert_eq!(one::<String>(&db, "SELECT mail FROM person"), "x", "{story}");
            let old = Migrator::new(&history.up_to(1)).run(&mut db).map(|upgrade| upgrade.kind);
            match (&outcome, old) {
                (Ok(_), Ok(UpgradeKind::Unchanged)) => {}
                (Err(e), Err(newer)) => {
                    assert_ne!(e.report().state, State::Applied, "{story}: {e}");
                    assert_eq!(newer.code(), Code::DatabaseNewer, "{story}");
                    assert_eq!(Migrator::new(&history).run(&mut db).unwrap().kind, UpgradeKind::Unchanged, "{story}");
                }
                (Err(e), Ok(_)) => assert!(matches!(e.report().state, State::Applied | State::Unknown), "{story}: {e}"),
                (outcome, old) => panic!("{story}: {outcome:?}, and then {old:?}"),
            }
            if !reached {
                outcome.unwrap();
                assert!(n > 30, "{n} requests");
                break;
            }
        }
    }
}

/// The foreign keys of a database that is made anew could not be checked, and that was taken for a check that found
/// nothing: rows without a parent were committed.
#[test]
fn a_check_that_cannot_be_made_is_not_passed() {
    let schema = |name: &str| {
        whimbrel::Schema::from_sql(&format!(
            "CREATE TABLE town(id INTEGER PRIMARY KEY, {name} TEXT);
             CREATE TABLE road(id INTEGER PRIMARY KEY, town INT REFERENCES town(id));"
        ))
        .unwrap()
    };
    for mode in [Mode::Before, Mode::After] {
        for n in 0.. {
            let mut db = Rusqlite::open_in_memory().unwrap();
            Migrator::disposable(&schema("name")).run(&mut db).unwrap();
            db.execute_batch("INSERT INTO town VALUES (1, 'a'); INSERT INTO road VALUES (1, 1)").unwrap();
            let mut host = Faulty::new(db, n, mode);
            let outcome = block_on(whimbrel::run::recreate(&mut host, &schema("title"), &mut ()));
            let error = outcome.expect_err("nobody has filled the towns in again");
            let db: &Rusqlite = std::borrow::Borrow::borrow(&host.inner);
            // Where the rollback fails too, the connection is to be closed.
            let orphans: i64 = one(db, "SELECT count(*) FROM pragma_foreign_key_check");
            assert!(orphans == 0 || !db.is_autocommit(), "{mode:?} {n}: {error}");
            if !host.failed {
                assert_eq!(error.code(), Code::RowsDoNotFit);
                break;
            }
        }
    }
}
