//! Starts that do not come to their end: counted, held after the third, and let go when there is a reason to.

use rusqlite::Connection;
use whimbrel::run::{Cancel, UpgradeSettings, block_on, upgrade};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Code, Error, Event, History, Migrator, State, Transactions, UpgradeKind};

use super::support::{history, one};

const START: &str = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);";
const STAR: &str = "ALTER TABLE notes ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;";
const BROKEN: &str = "INSERT INTO nothing VALUES (1);";

/// A database in a file: without one there is no lock, and without the lock nothing is counted.
struct Device {
    _folder: tempfile::TempDir,
    db: Connection,
}

impl Device {
    fn new(history: &History) -> Device {
        let folder = tempfile::tempdir().unwrap();
        let mut db = Connection::open(folder.path().join("app.db")).unwrap();
        Migrator::new(history).run(&mut db).unwrap();
        Device { _folder: folder, db }
    }

    fn fails(&mut self, history: &History) -> Error {
        let error = Migrator::new(history).run(&mut self.db).unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::StatementFailed, State::RolledBack), "{error}");
        error
    }

    fn is_held(&mut self, history: &History) {
        let mut held = 0;
        let mut observer = |event: &Event<'_>| held += i32::from(matches!(event, Event::Held));
        let error = Migrator::new(history).observer(&mut observer).run(&mut self.db).unwrap_err();
        assert_eq!((error.code(), error.report().state, held), (Code::Held, State::Unchanged, 1), "{error}");
    }

    /// How often what was tried, as the database has it.
    fn counted(&self) -> (i64, String) {
        let of = |column: &str| format!("SELECT {column} FROM _whimbrel_state");
        (one(&self.db, &of("attempts")), one(&self.db, &of("attempted")))
    }
}

#[test]
fn the_fourth_start_in_a_row_is_held() {
    let broken = history(&[START, BROKEN]);
    let mut device = Device::new(&broken.up_to(1));
    for n in 1..=3 {
        device.fails(&broken);
        assert_eq!(device.counted(), (n, broken.head.to_string()));
    }
    device.is_held(&broken);
    assert_eq!(device.counted().0, 3, "what is held is not tried, and not counted");
    // Once more for an app that asks, and where nobody counts.
    let error = Migrator::new(&broken).retry(true).run(&mut device.db).unwrap_err();
    assert_eq!(error.code(), Code::StatementFailed, "{error}");
    let error = Migrator::new(&broken).count_attempts(false).run(&mut device.db).unwrap_err();
    assert_eq!(error.code(), Code::StatementFailed, "{error}");
    assert_eq!(device.counted().0, 4);
    device.is_held(&broken);

    // A release that is broken in another way is another upgrade; one that is not goes through, and nothing is counted.
    let other = history(&[START, STAR, BROKEN]);
    device.fails(&other);
    assert_eq!(device.counted(), (1, other.head.to_string()));
    let corrected = history(&[START, STAR]);
    assert_eq!(Migrator::new(&corrected).run(&mut device.db).unwrap().kind, UpgradeKind::Upgraded);
    assert_eq!(device.counted(), (0, String::new()));
}

/// Another process waits, or somebody stops it: that says nothing of the migrations, whoever counts.
#[test]
fn what_is_not_counted_is_not_taken_back() {
    let two = history(&[START, STAR]);
    let broken = history(&[START, BROKEN]);
    let mut device = Device::new(&two.up_to(1));
    device.fails(&broken);
    let cancel = Cancel::default();
    cancel.cancel();
    let error = Migrator::new(&broken).count_attempts(false).cancel(&cancel).run(&mut device.db).unwrap_err();
    assert_eq!(error.code(), Code::Cancelled, "{error}");
    assert_eq!(device.counted().0, 1);
    let error = Migrator::new(&broken).cancel(&cancel).run(&mut device.db).unwrap_err();
    assert_eq!(error.code(), Code::Cancelled, "{error}");
    assert_eq!(device.counted().0, 1);
}

/// A database that was stopped half way is still new at the next start, however often that one fails too.
#[test]
fn what_is_being_made_stays_new_until_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut db = Connection::open(folder.path().join("app.db")).unwrap();
    let broken = history(&[START, BROKEN]);
    for _ in 0..5 {
        let mut migrator =
            Migrator::new(&broken).transactions(Transactions::Each).on_create(|_| Err("too early".into()));
        let error = migrator.run(&mut db).unwrap_err();
        assert_eq!(error.code(), Code::StatementFailed, "{error}");
    }
    let corrected = history(&[START, STAR]);
    let upgrade = Migrator::new(&corrected)
        .on_create(|tx| {
            tx.execute("INSERT INTO notes(body) VALUES ('welcome')", [])?;
            Ok(())
        })
        .run(&mut db)
        .unwrap();
    assert_eq!((upgrade.kind, upgrade.to), (UpgradeKind::Created, 2));
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM notes"), 1);
}

/// The release was taken back: the one before finds its own version, and what was tried meanwhile is forgotten.
#[test]
fn a_start_with_nothing_to_run_forgets_what_was_tried() {
    let broken = history(&[START, BROKEN]);
    let mut device = Device::new(&broken.up_to(1));
    device.fails(&broken);
    // Somebody changes the schema, so that the start looks further than the stamp.
    device.db.execute_batch("CREATE TABLE cache(a)").unwrap();
    let upgrade = Migrator::new(&broken.up_to(1)).run(&mut device.db).unwrap();
    assert_eq!((upgrade.kind, upgrade.from, upgrade.to), (UpgradeKind::Unchanged, 1, 1));
    assert_eq!(device.counted(), (0, String::new()));
}

/// A medium that cannot be written is no reason to fail a start that only has to put its stamp right. Another is.
#[test]
fn a_stamp_that_cannot_be_written_now_is_an_error() {
    let start = history(&[START]);
    let device = Device::new(&start);
    device.db.execute_batch("CREATE TABLE cache(a)").unwrap();
    device.db.busy_timeout(std::time::Duration::ZERO).unwrap();
    let other = Connection::open(device.db.path().unwrap()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let run = || {
        let mut host = Sqlite::new(&device.db);
        block_on(upgrade(&mut host, &start, &UpgradeSettings::default(), &mut (), &mut (), &Cancel::default()))
    };
    let error = run().unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::Busy, State::Unchanged), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(run().unwrap().kind, UpgradeKind::Unchanged);
}
