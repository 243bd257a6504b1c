//! What an upgrade compares before it commits, and what it compares it with.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use whimbrel::history::{Policy, Snapshot};
use whimbrel::run::{block_on, is_as_declared, is_unchanged};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Code, Files, Folder, History, MemoryFiles, Migrator, Schema, State, Transactions, UpgradeKind};

use super::support::{history, one};

const START: &str = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);";
const STAR: &str = "ALTER TABLE notes ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;";
const TAGS: &str = "CREATE TABLE tags(tag TEXT);";
/// Only the app's own connection can run it: in a scratch database there is no such function.
const SHOUT: &str = "ALTER TABLE notes ADD COLUMN loud TEXT; UPDATE notes SET loud = shout(body);";

/// These scripts, with the snapshot of what they make.
fn with_snapshot(scripts: &[&str], declared: &str) -> History {
    let snapshot = Snapshot::of(&Schema::from_sql(declared).unwrap());
    History::new(history(scripts).migrations.to_vec(), Some(snapshot))
}

fn database() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function("shout", 1, flags, |context| Ok(context.get::<String>(0)?.to_uppercase())).unwrap();
    db
}

/// What a step of the app makes of the schema is no version of it.
#[test]
fn a_step_that_changes_the_schema_is_refused() {
    let snapshot = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, starred INTEGER NOT NULL DEFAULT 0)";
    for two in [history(&[START, STAR]), with_snapshot(&[START, STAR], snapshot)] {
        let mut db = database();
        Migrator::new(&two.up_to(1)).run(&mut db).unwrap();
        let migrator =
            || Migrator::new(&two).after(2, |tx| Ok(tx.execute_batch("ALTER TABLE notes ADD COLUMN by_hand")?));
        let error = migrator().run(&mut db).unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::VerificationFailed, State::RolledBack), "{error}");
        assert!(error.to_string().contains("by_hand"), "{error}");
        assert_eq!(Migrator::new(&two.up_to(1)).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
        assert_eq!(migrator().accept_drift(true).run(&mut db).unwrap().kind, UpgradeKind::Upgraded);
    }
}

/// A snapshot is of the newest version. What a database of an older one has is worked out from the migrations.
#[test]
fn an_older_version_is_not_compared_with_the_snapshot() {
    let declared =
        format!("{TAGS} CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, starred INTEGER NOT NULL DEFAULT 0)");
    let three = with_snapshot(&[START, STAR, TAGS], &declared);
    let mut db = database();
    Migrator::new(&three.up_to(1)).run(&mut db).unwrap();
    assert_eq!(Migrator::new(&three).to(2).run(&mut db).unwrap().to, 2);
    db.execute_batch("CREATE INDEX by_hand ON notes(body)").unwrap();
    let upgrade = Migrator::new(&three).run(&mut db).unwrap();
    assert_eq!((upgrade.kind, upgrade.from, upgrade.to), (UpgradeKind::Upgraded, 2, 3));
    assert_eq!(upgrade.warnings, ["index by_hand is in the database, and no migration makes it"]);
}

/// With a snapshot nothing is replayed: the scripts may need what a scratch database does not have.
#[test]
fn the_newest_version_is_compared_with_the_snapshot() {
    let declared = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, loud TEXT)";
    let two = with_snapshot(&[START, SHOUT], declared);
    let mut db = database();
    Migrator::new(&two.up_to(1)).run(&mut db).unwrap();
    let upgrade = Migrator::new(&two).run(&mut db).unwrap();
    assert_eq!((upgrade.kind, upgrade.warnings), (UpgradeKind::Upgraded, vec![]));
    db.execute_batch("CREATE INDEX by_hand ON notes(body)").unwrap();
    let upgrade = Migrator::new(&two).run(&mut db).unwrap();
    assert_eq!(upgrade.warnings, ["index by_hand is in the database, and no migration makes it"]);
}

/// Where all migrations have just run on an empty database, they are not run once more to compare with.
#[test]
fn a_new_database_is_what_its_migrations_have_made() {
    let two = history(&[START, SHOUT]);
    let upgrade = Migrator::new(&two).run(&mut database()).unwrap();
    assert_eq!((upgrade.kind, upgrade.from, upgrade.to, upgrade.warnings), (UpgradeKind::Created, 0, 2, vec![]));
}

#[test]
fn a_file_of_another_application_is_left_alone() {
    let declared = format!("PRAGMA application_id = 77; {TAGS} CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT)");
    let two = with_snapshot(&[START, TAGS], &declared);
    for (id, is_ours) in [(77, true), (0, true), (78, false), (-1, false)] {
        let mut db = database();
        Migrator::new(&two.up_to(1)).run(&mut db).unwrap();
        db.pragma_update(None, "application_id", id).unwrap();
        let outcome = Migrator::new(&two).run(&mut db);
        match outcome {
            Ok(upgrade) => assert_eq!((upgrade.kind, is_ours), (UpgradeKind::Upgraded, true), "{id}"),
            Err(e) => {
                assert_eq!((e.code(), e.report().state, is_ours), (Code::OtherApplication, State::Unchanged, false))
            }
        }
        assert_eq!(one::<i32>(&db, "PRAGMA application_id"), id);
    }
}

/// One migration came in late, and the next one failed: the database is at the version that it was at, with one more of
/// those before. An app that does not know the newest is kept out as before.
#[test]
fn a_late_migration_lets_no_older_app_in() {
    let read = |files: &[(&str, &str)]| {
        let mut folder = MemoryFiles::default();
        for (path, text) in files {
            folder.write(path, text.as_bytes()).unwrap();
        }
        Folder::read(&folder).unwrap().history
    };
    let (start, star, tags) = (("1_start.sql", START), ("2_star.sql", STAR), ("3_tags.sql", TAGS));
    let mut db = database();
    Migrator::new(&read(&[start, tags])).run(&mut db).unwrap();
    let broken = read(&[start, star, tags, ("4_broken.sql", "INSERT INTO nothing VALUES (1);")]);
    let error =
        Migrator::new(&broken).out_of_order(Policy::Allow).transactions(Transactions::Each).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::StatementFailed, State::RolledBack), "{error}");
    assert_eq!(one::<i64>(&db, "SELECT idx FROM _whimbrel_state"), 3);
    let error = Migrator::new(&read(&[start, star])).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::DatabaseNewer, State::Unchanged), "{error}");
    assert_eq!(Migrator::new(&read(&[start, star, tags])).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
}

/// Whoever has the header: a look at it, or at one row, says that nothing has to be done.
#[test]
fn an_unchanged_database_is_known_at_a_glance() {
    let (versioned, schema) = (history(&[START]), Schema::from_sql(START).unwrap());
    let next = history(&[START, STAR]);
    // The last of them has the bit that says that reports wait.
    for number_of_the_app in [0, 7, 16_384] {
        let made = || {
            let db = Connection::open_in_memory().unwrap();
            db.pragma_update(None, "user_version", number_of_the_app).unwrap();
            db
        };
        let (mut one_, mut two) = (made(), made());
        assert_eq!(block_on(is_unchanged(&mut Sqlite::new(&one_), &versioned)).unwrap(), None);
        assert!(!block_on(is_as_declared(&mut Sqlite::new(&two), &schema, "auto-alter")).unwrap());
        Migrator::new(&versioned).run(&mut one_).unwrap();
        Migrator::auto_alter(&schema).run(&mut two).unwrap();
        assert_eq!(block_on(is_unchanged(&mut Sqlite::new(&one_), &versioned)).unwrap(), Some(false));
        assert!(block_on(is_as_declared(&mut Sqlite::new(&two), &schema, "auto-alter")).unwrap());
        assert!(!block_on(is_as_declared(&mut Sqlite::new(&two), &schema, "disposable")).unwrap());
        Migrator::new(&next).run(&mut one_).unwrap();
        assert_eq!(block_on(is_unchanged(&mut Sqlite::new(&one_), &next)).unwrap(), Some(false));
    }
}

/// Scripts that need the app's functions cannot be tried out elsewhere. As long as nobody has changed the schema, there is
/// no need to: what SQLite keeps for itself is no change.
#[test]
fn statistics_are_no_change_by_hand() {
    let two = history(&[START, SHOUT]);
    let mut db = database();
    Migrator::new(&two).run(&mut db).unwrap();
    db.execute_batch("INSERT INTO notes(body) VALUES ('a'); ANALYZE").unwrap();
    let upgrade = Migrator::new(&two).run(&mut db).unwrap();
    assert_eq!((upgrade.kind, upgrade.warnings), (UpgradeKind::Unchanged, vec![]));
    db.execute_batch("CREATE TABLE by_hand(a)").unwrap();
    let error = Migrator::new(&two).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::Drift, State::Unchanged), "{error}");
}
