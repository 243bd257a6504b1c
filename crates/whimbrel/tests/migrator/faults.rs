//! Versions that do not fit together, and the surroundings an upgrade may find: each ends in one of four ways, with a
//! code, and with the data as it was or as it is to be.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use whimbrel::history::Policy;
use whimbrel::{Code, Files, Folder, History, MemoryFiles, Migrator, State, Transactions, UpgradeKind, UpgradeReport};

use super::support::{folder, history, one, tables};

const START: &str = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);";
const STAR: &str = "ALTER TABLE notes ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;";

/// A database file with rows, at the newest version of a history.
struct Device {
    folder: tempfile::TempDir,
}

impl Device {
    fn new(history: &History) -> Device {
        let device = Device { folder: tempfile::tempdir().unwrap() };
        let mut db = device.open();
        Migrator::new(history).run(&mut db).unwrap();
        db.execute_batch("INSERT INTO notes(body) VALUES ('one'), ('two')").unwrap();
        device
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    fn open(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// An app with this history is refused with this code, and no byte of the file changes.
    fn refuses(&self, history: &History, code: Code) -> whimbrel::Error {
        let before = std::fs::read(self.path()).unwrap();
        let mut db = self.open();
        let error = Migrator::new(history).run(&mut db).expect_err("the app is refused");
        assert_eq!((error.code(), error.report().state), (code, State::Unchanged), "{error}");
        drop(db);
        assert!(before == std::fs::read(self.path()).unwrap(), "{error}: the file was changed");
        error
    }
}

fn reversible() -> History {
    let mut files = MemoryFiles::default();
    for (path, text) in [
        ("1_start.sql", START),
        ("2_star.sql", STAR),
        ("2_star.down.sql", "ALTER TABLE notes DROP COLUMN starred;"),
        ("3_tags.sql", "CREATE TABLE tags(note INTEGER REFERENCES notes(id), tag TEXT);"),
        ("3_tags.down.sql", "DROP TABLE tags;"),
    ] {
        files.write(path, text.as_bytes()).unwrap();
    }
    Folder::read(&files).unwrap().history
}

#[test]
fn fault_042_a_script_that_ends_its_transaction_is_refused_before_it_runs() {
    let device = Device::new(&history(&[START]));
    for script in ["COMMIT", "ROLLBACK", "SAVEPOINT a", "END TRANSACTION", "BEGIN"] {
        let script = format!("DELETE FROM notes; /* ; */ {script}; DROP TABLE notes;");
        let error = device.refuses(&history(&[START, &script]), Code::MigrationScript);
        assert_eq!(error.report().migration.as_deref(), Some("0002_m2"));
    }
    // What ends the transaction from within is noticed at once.
    let script = "CREATE TABLE t(a UNIQUE ON CONFLICT ROLLBACK); INSERT INTO t VALUES (1); INSERT INTO t VALUES (1); \
                  DELETE FROM notes;";
    let mut db = device.open();
    let error = Migrator::new(&history(&[START, script])).run(&mut db).unwrap_err();
    assert_eq!(error.report().state, State::RolledBack, "{error}");
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM notes"), 2);
    assert_eq!(tables(&db), ["notes"]);
}

#[test]
fn fault_052_a_full_disk_leaves_the_old_version() {
    let device = Device::new(&history(&[START]));
    let mut db = device.open();
    db.execute_batch(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO notes(body) SELECT printf('%0100d', i) FROM n",
    )
    .unwrap();
    let pages: i64 = one(&db, "PRAGMA page_count");
    let two = history(&[
        START,
        "CREATE TABLE copy AS SELECT * FROM notes; DROP TABLE notes; ALTER TABLE copy RENAME TO notes;",
    ]);
    let _: i64 = one(&db, &format!("PRAGMA max_page_count = {}", pages + 5));
    for _ in 0..4 {
        // A full disk is not the migration's fault: however often it happens, the next start tries again.
        let error = Migrator::new(&two).run(&mut db).unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::DiskSpace, State::RolledBack), "{error}");
    }
    let _: i64 = one(&db, "PRAGMA max_page_count = 1073741823");
    assert_eq!(Migrator::new(&two).run(&mut db).unwrap().kind, UpgradeKind::Upgraded);
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM notes"), 2002);
}

#[test]
fn fault_053_a_medium_that_cannot_be_written_holds_the_old_version() {
    let device = Device::new(&history(&[START]));
    let open = || Connection::open_with_flags(device.path(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut db = open();
    assert_eq!(Migrator::new(&history(&[START])).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
    let error = Migrator::new(&history(&[START, STAR])).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::ReadOnly, State::Unchanged), "{error}");
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM notes"), 2);
    // Even where the stamp would have to be put right.
    device.open().execute_batch("VACUUM").unwrap();
    assert_eq!(Migrator::new(&history(&[START])).run(&mut open()).unwrap().kind, UpgradeKind::Unchanged);
}

#[test]
fn fault_066_a_newer_database_is_opened_or_held_by_its_range() {
    let old = history(&[START]);
    let says = |directives: &str| history(&[START, &format!("{directives}\n{STAR}")]);

    let device = Device::new(&says(""));
    let error = device.refuses(&old, Code::DatabaseNewer);
    assert!(error.to_string().contains("0002_m2"), "{error}");

    let device = Device::new(&says("-- whimbrel: min-writer 1"));
    let upgrade = Migrator::new(&old).run(&mut device.open()).unwrap();
    assert_eq!((upgrade.kind, upgrade.from, upgrade.to), (UpgradeKind::Newer { writable: true }, 2, 2));

    let device = Device::new(&says("-- whimbrel: min-reader 1"));
    let mut db = device.open();
    let before = std::fs::read(device.path()).unwrap();
    assert_eq!(Migrator::new(&old).run(&mut db).unwrap().kind, UpgradeKind::Newer { writable: false });
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM notes"), 2);
    db.execute("DELETE FROM notes", []).expect_err("the connection only reads");
    drop(db);
    assert!(before == std::fs::read(device.path()).unwrap());

    // One migration that lets older apps in does not let them past one that does not.
    let three = history(&[START, STAR, "-- whimbrel: min-writer 1\nCREATE TABLE tags(tag TEXT);"]);
    let device = Device::new(&three);
    device.refuses(&old, Code::DatabaseNewer);
    let upgrade = Migrator::new(&three.up_to(2)).run(&mut device.open()).unwrap();
    assert_eq!(upgrade.kind, UpgradeKind::Newer { writable: true });
}

#[test]
fn fault_067_down_then_writes_then_up_again() {
    let three = reversible();
    let device = Device { folder: tempfile::tempdir().unwrap() };
    let mut db = device.open();
    Migrator::new(&three).keep_down_scripts(true).run(&mut db).unwrap();
    db.execute_batch("INSERT INTO notes(body, starred) VALUES ('kept', 1); INSERT INTO tags VALUES (1, 'a')").unwrap();
    // The user goes back to the app of version 1, which does not know how to undo what it does not know.
    let one_only = three.up_to(1);
    let error = Migrator::new(&one_only).run(&mut db).unwrap_err();
    assert_eq!(error.code(), Code::DatabaseNewer, "nothing goes back unasked");
    let upgrade = Migrator::new(&one_only).allow_downgrade(true).run(&mut db).unwrap();
    assert_eq!((upgrade.kind, upgrade.from, upgrade.to), (UpgradeKind::Downgraded, 3, 1));
    assert_eq!(tables(&db), ["notes"]);
    assert_eq!(Migrator::new(&one_only).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
    db.execute_batch("INSERT INTO notes(body) VALUES ('written by the old app')").unwrap();
    let upgrade = Migrator::new(&three).run(&mut db).unwrap();
    assert_eq!((upgrade.kind, upgrade.to), (UpgradeKind::Upgraded, 3));
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM notes"), 2);
    // Without scripts in the database there is no way back.
    let error = Migrator::new(&one_only).allow_downgrade(true).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::Irreversible, State::Unchanged), "{error}");
}

#[test]
fn fault_068_an_edited_migration_is_told_with_its_file_and_both_checksums() {
    let two = history(&[START, STAR]);
    let device = Device::new(&two);
    let edited = history(&[START, "ALTER TABLE notes ADD COLUMN starred INTEGER NOT NULL DEFAULT 1;"]);
    let error = device.refuses(&edited, Code::MigrationEdited).to_string();
    for part in ["0002_m2.sql", &two.migrations[1].checksum.short(), &edited.migrations[1].checksum.short()] {
        assert!(error.contains(part), "{error}");
    }
    // Also behind a newer migration, where a high-water mark would not look.
    device.refuses(&history(&[&edited.migrations[0].up, &edited.migrations[1].up, "SELECT 1"]), Code::MigrationEdited);
}

#[test]
fn fault_069_comments_and_line_endings_alarm_nobody() {
    let device = Device::new(&history(&[START, STAR]));
    let before = std::fs::read(device.path()).unwrap();
    let crlf = format!("\u{feff}-- the beginning\r\n{START}\r\n");
    let spaced = format!("\n\n  {}  -- a star\n\n", STAR.replace(' ', "\n  "));
    let upgrade = Migrator::new(&history(&[&crlf, &spaced])).run(&mut device.open()).unwrap();
    assert_eq!(upgrade.kind, UpgradeKind::Unchanged);
    assert!(before == std::fs::read(device.path()).unwrap());
}

#[test]
fn fault_070_deleted_reordered_and_branched_migrations_are_told_apart() {
    let tags = "CREATE TABLE tags(tag TEXT);";
    let device = Device::new(&history(&[START, STAR, tags]));
    let file = |number: u32, text: &str| (format!("{number}_m{number}.sql"), text.as_bytes().to_vec());
    let read = |files: Vec<(String, Vec<u8>)>| Folder::read(&MemoryFiles::new(files)).unwrap().history;

    let error = device.refuses(&read(vec![file(1, START), file(3, tags)]), Code::MigrationMissing);
    assert!(error.to_string().contains("0002_m2"), "{error}");
    device.refuses(&read(vec![file(1, START), file(2, tags), file(3, STAR)]), Code::MigrationMoved);

    // A colleague's migration came in with a lower number.
    let device = Device::new(&read(vec![file(1, START), file(3, tags)]));
    let merged = read(vec![file(1, START), file(2, STAR), file(3, tags)]);
    let error = device.refuses(&merged, Code::OutOfOrder);
    assert!(error.to_string().contains("2_m2"), "{error}");
    let newer = read(vec![file(1, START), file(2, STAR), file(3, tags), file(4, "CREATE TABLE more(a);")]);
    let mut db = device.open();
    let upgrade = Migrator::new(&newer).out_of_order(Policy::Report).run(&mut db).unwrap();
    assert_eq!(upgrade.applied.len(), 1, "only the one in order: {upgrade:?}");
    let upgrade = Migrator::new(&newer).out_of_order(Policy::Allow).run(&mut db).unwrap();
    assert_eq!((upgrade.kind, upgrade.to), (UpgradeKind::Upgraded, 4));
    assert_eq!(Migrator::new(&newer).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
    assert_eq!(one::<i64>(&db, "SELECT count(starred) FROM notes"), 2);
}

#[test]
fn fault_071_a_schema_changed_by_hand_is_reported_and_never_guessed_at() {
    let one_only = history(&[START]);
    let device = Device::new(&one_only);
    device.open().execute_batch("ALTER TABLE notes RENAME COLUMN body TO text").unwrap();
    for known in [&one_only, &history(&[START, STAR])] {
        let error = device.refuses(known, Code::Drift);
        assert!(error.to_string().contains("table notes is another (+ body TEXT, - text)"), "{error}");
    }
    let upgrade = Migrator::new(&history(&[START, STAR])).accept_drift(true).run(&mut device.open()).unwrap();
    assert_eq!(upgrade.kind, UpgradeKind::Upgraded);

    // What others keep in the same file is none of our business, and is told.
    let device = Device::new(&one_only);
    device.open().execute_batch("CREATE TABLE cache(a); CREATE INDEX extra ON notes(body)").unwrap();
    let upgrade = Migrator::new(&one_only).run(&mut device.open()).unwrap();
    assert_eq!((upgrade.from, upgrade.to, upgrade.warnings.len()), (1, 1, 2), "{upgrade:?}");
    let upgrade = Migrator::new(&one_only).run(&mut device.open()).unwrap();
    assert!(upgrade.warnings.is_empty(), "once is enough: {upgrade:?}");
    assert_eq!(Migrator::new(&history(&[START, STAR])).run(&mut device.open()).unwrap().kind, UpgradeKind::Upgraded);

    // What an app has said is none of our business is not even told.
    let device = Device::new(&one_only);
    device.open().execute_batch("CREATE TABLE cache(a); CREATE TABLE other(a)").unwrap();
    let upgrade = Migrator::new(&one_only).ignore("cach*").run(&mut device.open()).unwrap();
    assert_eq!(upgrade.warnings, ["table other is in the database, and no migration makes it"]);
}

#[test]
fn fault_072_a_number_in_the_header_is_no_record() {
    let two = history(&[START, STAR]);
    let device = Device::new(&two);
    let stamp: i64 = one(&device.open(), "PRAGMA user_version");
    // The stamp of version 2 in a database of version 1: it was written, and what it says never was.
    let device = Device::new(&two.up_to(1));
    device.open().pragma_update(None, "user_version", stamp).unwrap();
    let mut db = device.open();
    assert_eq!(Migrator::new(&two).run(&mut db).unwrap().kind, UpgradeKind::Upgraded);
    assert_eq!(one::<i64>(&db, "SELECT count(starred) FROM notes"), 2);
    for nonsense in [0, 1, -1, 42, i32::MAX] {
        db.pragma_update(None, "user_version", nonsense).unwrap();
        assert_eq!(Migrator::new(&two).run(&mut db).unwrap().kind, UpgradeKind::Unchanged, "{nonsense}");
        let stamp: i64 = one(&db, "PRAGMA user_version");
        assert_eq!(stamp, one::<i64>(&db, "SELECT stamp FROM _whimbrel_state"), "{nonsense} is put right");
    }
}

#[test]
fn fault_073_tables_without_a_record_are_not_taken_for_a_new_database() {
    let device = Device { folder: tempfile::tempdir().unwrap() };
    device.open().execute_batch("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT)").unwrap();
    device.refuses(&history(&[START]), Code::NotTracked);
    // Even where all that is there is a view, or the record was emptied.
    let device = Device::new(&history(&[START]));
    device.open().execute_batch("DELETE FROM _whimbrel_state; PRAGMA user_version = 0").unwrap();
    device.refuses(&history(&[START]), Code::NotTracked);
}

#[test]
fn fault_074_an_app_that_was_rolled_back_drops_nothing() {
    let three = reversible();
    let device = Device::new(&three);
    device.open().execute_batch("INSERT INTO tags VALUES (1, 'unsent')").unwrap();
    device.refuses(&three.up_to(2), Code::DatabaseNewer);
    assert_eq!(one::<String>(&device.open(), "SELECT tag FROM tags"), "unsent");
    assert_eq!(Migrator::new(&three).run(&mut device.open()).unwrap().kind, UpgradeKind::Unchanged);
}

#[test]
fn fault_085_reports_hold_no_sql_no_path_and_no_value() {
    const CANARY: &str = "canary";
    let secret = format!(
        "CREATE TABLE {CANARY}_table(a TEXT UNIQUE); INSERT INTO {CANARY}_table VALUES ('{CANARY}'), ('{CANARY}');"
    );
    let mut files = MemoryFiles::default();
    files.write("1_start.sql", START.as_bytes()).unwrap();
    files.write(&format!("2_{CANARY}.sql"), secret.as_bytes()).unwrap();
    let broken = Folder::read(&files).unwrap().history;
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join(format!("{CANARY}.db"));
    let mut db = Connection::open(&path).unwrap();
    Migrator::new(&broken.up_to(1)).run(&mut db).unwrap();

    // Nobody has agreed: nothing is kept, nothing is sent.
    Migrator::new(&broken).run(&mut db).unwrap_err();
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM _whimbrel_reports"), 0);

    let offered = RefCell::new(0);
    Migrator::new(&broken)
        .report_to(|_: &UpgradeReport| {
            *offered.borrow_mut() += 1;
            Err("offline".into())
        })
        .run(&mut db)
        .unwrap_err();
    assert_eq!(*offered.borrow(), 1);
    let kept: String = one(&db, "SELECT group_concat(report) FROM _whimbrel_reports");
    assert!(kept.contains("\"W0204\"") && !kept.contains(CANARY), "{kept}");

    // A later start hands it over, also one with nothing to do.
    drop(db);
    let mut db = Connection::open(&path).unwrap();
    let taken = RefCell::new(Vec::new());
    let start = |db: &mut Connection, known: &History, works: bool| {
        Migrator::new(known)
            .report_to(|report: &UpgradeReport| {
                taken.borrow_mut().push(report.outcome.clone());
                if works { Ok(()) } else { Err("offline".into()) }
            })
            .run(db)
            .map(|upgrade| upgrade.kind)
    };
    let good = history(&[START, STAR]);
    let renamed = History::new(vec![broken.migrations[0].clone(), good.migrations[1].clone()], None);
    assert_eq!(start(&mut db, &renamed, false).unwrap(), UpgradeKind::Upgraded);
    assert_eq!(start(&mut db, &renamed, true).unwrap(), UpgradeKind::Unchanged);
    assert_eq!(taken.take(), ["failed", "failed", "upgraded"]);
    assert_eq!(start(&mut db, &renamed, true).unwrap(), UpgradeKind::Unchanged);
    assert!(taken.take().is_empty(), "what was taken is not offered again");
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM _whimbrel_reports"), 0);
}

#[test]
fn reports_are_bounded() {
    let broken = history(&[START, "INSERT INTO nothing VALUES (1)"]);
    let device = Device::new(&broken.up_to(1));
    for _ in 0..30 {
        let sink = |_: &UpgradeReport| Err("offline".into());
        Migrator::new(&broken).retry(true).report_to(sink).run(&mut device.open()).unwrap_err();
    }
    assert_eq!(one::<i64>(&device.open(), "SELECT count(*) FROM _whimbrel_reports"), 20);
}

#[test]
fn a_backup_is_made_before_and_brought_back_where_something_is_left_half_done() {
    let phased = "ALTER TABLE notes ADD COLUMN a;\n-- whimbrel: phase second\nINSERT INTO nothing VALUES (1);";
    let start = history(&[START]);
    for (script, transactions) in [(phased, Transactions::Whole), (STAR, Transactions::Each)] {
        let device = Device::new(&start);
        let broken = history(&[START, script, "INSERT INTO nothing VALUES (1);"]);
        let mut db = device.open();
        let error = Migrator::new(&broken).transactions(transactions).backup(2).run(&mut db).unwrap_err();
        assert_eq!(error.report().state, State::RolledBack, "{error}");
        assert!(error.to_string().contains("backup was brought back"), "{error}");
        assert_eq!(Migrator::new(&start).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
        assert_eq!(one::<i64>(&db, "SELECT count(*) FROM notes"), 2);
        assert_eq!(one::<String>(&db, "PRAGMA integrity_check"), "ok");
    }
}

/// An app that keeps a number of its own in `user_version` goes on doing so.
#[test]
fn a_user_version_of_the_app_is_left_alone() {
    let device = Device { folder: tempfile::tempdir().unwrap() };
    let mut db = device.open();
    db.pragma_update(None, "user_version", 77).unwrap();
    let two = history(&[START, STAR]);
    assert_eq!(Migrator::new(&two.up_to(1)).run(&mut db).unwrap().kind, UpgradeKind::Created);
    assert_eq!(Migrator::new(&two).run(&mut db).unwrap().kind, UpgradeKind::Upgraded);
    db.pragma_update(None, "user_version", 78).unwrap();
    let before = std::fs::read(device.path()).unwrap();
    assert_eq!(Migrator::new(&two).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
    assert_eq!(one::<i64>(&db, "PRAGMA user_version"), 78);
    drop(db);
    assert!(before == std::fs::read(device.path()).unwrap());
}

/// A device that ran part of what was squashed finds its way, and so does one that ran nothing, or all; and an app of
/// before the squash still knows a database that was made after it.
#[test]
fn squashed_migrations_leave_nobody_behind() {
    let originals = folder(&[START, STAR, "CREATE TABLE tags(tag TEXT);", "CREATE TABLE more(a);"]).history;
    let squash = whimbrel::Migration {
        up: "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, starred INTEGER NOT NULL DEFAULT 0);\n\
             CREATE TABLE tags(tag TEXT);"
            .into(),
        name: "squash".into(),
        checksum: whimbrel::history::Checksum::of_bytes(b"squash"),
        replaces: originals.migrations[..3].to_vec().into(),
        ..originals.migrations[2].clone()
    };
    let squashed = History::new(vec![squash, originals.migrations[3].clone()], None);
    for version in 1..=4 {
        let device = Device::new(&originals.up_to(version));
        let mut db = device.open();
        let upgrade = Migrator::new(&squashed).run(&mut db).unwrap();
        assert_eq!((upgrade.from, upgrade.to), (version, 4));
        assert_eq!(upgrade.applied.len() as u32, 4 - version);
        assert_eq!(one::<i64>(&db, "SELECT count(starred) FROM notes"), 2);
        assert_eq!(Migrator::new(&squashed).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
        assert_eq!(Migrator::new(&originals).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
    }
    let device = Device::new(&squashed);
    assert_eq!(tables(&device.open()), ["more", "notes", "tags"]);
    assert_eq!(Migrator::new(&originals).run(&mut device.open()).unwrap().kind, UpgradeKind::Unchanged);
    // Originals that nobody kept: who needs them is told.
    let mut forgetful = squashed.migrations.to_vec();
    forgetful[0].replaces.to_mut().iter_mut().for_each(|m| m.path = "".into());
    let forgetful = History::new(forgetful, None);
    Device::new(&originals.up_to(2)).refuses(&forgetful, Code::MigrationMissing);
    assert_eq!(
        Migrator::new(&forgetful).run(&mut Device::new(&originals).open()).unwrap().kind,
        UpgradeKind::Unchanged
    );
}

#[test]
fn another_strategy_is_refused() {
    let schema = whimbrel::Schema::from_sql("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT)").unwrap();
    let versioned = Device::new(&history(&[START]));
    let before = std::fs::read(versioned.path()).unwrap();
    let error = Migrator::disposable(&schema).run(&mut versioned.open()).unwrap_err();
    assert_eq!(error.code(), Code::NotDisposable);
    let error = Migrator::auto_alter(&schema).run(&mut versioned.open()).unwrap_err();
    assert_eq!(error.code(), Code::NotTracked);
    assert!(before == std::fs::read(versioned.path()).unwrap());

    let cache = |path: &Path| {
        let mut db = Connection::open(path).unwrap();
        Migrator::disposable(&schema).run(&mut db).map(|upgrade| upgrade.kind)
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    assert_eq!(cache(&path).unwrap(), UpgradeKind::Created);
    assert_eq!(cache(&path).unwrap(), UpgradeKind::Unchanged);
    let error = Migrator::new(&history(&[START])).run(&mut Connection::open(&path).unwrap()).unwrap_err();
    assert_eq!(error.code(), Code::NotTracked);
}

#[test]
fn fault_024_a_temporary_table_is_not_taken_for_the_databases() {
    let device = Device::new(&history(&[START]));
    let mut db = device.open();
    db.execute_batch("CREATE TEMP TABLE notes(x); CREATE TEMP TABLE else_where(x)").unwrap();
    let two = history(&[START, "UPDATE notes SET body = 'changed';"]);
    let error = Migrator::new(&two).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::BrokenDependent, State::Unchanged), "{error}");
    db.execute_batch("DROP TABLE temp.notes").unwrap();
    assert_eq!(Migrator::new(&two).run(&mut db).unwrap().kind, UpgradeKind::Upgraded);
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM main.notes WHERE body = 'changed'"), 2);
}

#[test]
fn a_record_is_repaired_only_where_the_database_bears_it_out() {
    use whimbrel::run::{block_on, repair_records};
    use whimbrel::sqlite_host::Sqlite;
    let two = history(&[START, STAR]);
    let device = Device::new(&two);
    let same = history(&[START, "ALTER TABLE main.notes ADD starred INTEGER NOT NULL DEFAULT 0;"]);
    let other = history(&[START, "ALTER TABLE notes ADD COLUMN starred TEXT;"]);
    let before = std::fs::read(device.path()).unwrap();
    let db = device.open();
    let error = block_on(repair_records(&mut Sqlite::new(&db), &other, &[])).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::Drift, State::Unchanged), "{error}");
    assert!(before == std::fs::read(device.path()).unwrap());
    let changes = block_on(repair_records(&mut Sqlite::new(&db), &same, &[])).unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    drop(db);
    assert_eq!(Migrator::new(&same).run(&mut device.open()).unwrap().kind, UpgradeKind::Unchanged);
}

/// The rule that leaves out what is done was forgotten.
#[test]
fn a_back_fill_without_an_end_is_stopped() {
    let device = Device::new(&history(&[START]));
    // Three rows at a time, so that the bound is passed and not met.
    device.open().execute_batch("INSERT INTO notes(body) VALUES ('three')").unwrap();
    let endless = history(&[START, "-- whimbrel: backfill\nUPDATE notes SET body = 'again';"]);
    let error = Migrator::new(&endless).run(&mut device.open()).unwrap_err();
    assert!(error.to_string().contains("does not come to its end"), "{error}");
}
