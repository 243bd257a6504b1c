//! Databases that another tool has migrated, on the devices of users.

use rusqlite::Connection;
use whimbrel::run::{block_on, find_version, read_other_tool, repair_records};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Code, Files, Folder, History, MemoryFiles, Migrator, State, UpgradeKind};

use super::support::{history, one, tables};

const START: &str = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);";
const STAR: &str = "ALTER TABLE notes ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;";
const TAGS: &str = "CREATE TABLE tags(tag TEXT);";

fn read(files: &[(&str, &str)]) -> History {
    let mut folder = MemoryFiles::default();
    for (path, text) in files {
        folder.write(path, text.as_bytes()).unwrap();
    }
    Folder::read(&folder).unwrap().history
}

/// A database with rows that has run the first two, as another tool leaves it.
fn database(record: &str) -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(&format!("{START}{STAR}{record}; INSERT INTO notes(body) VALUES ('kept')")).unwrap();
    db
}

#[test]
fn other_tools_databases_are_adopted_and_go_on() {
    let refinery = "CREATE TABLE refinery_schema_history(version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));
        INSERT INTO refinery_schema_history VALUES (1, 'start', '2024-01-01T00:00:00Z', '1'), (2, 'star', '2024-01-01T00:00:00Z', '2')";
    let diesel = "CREATE TABLE __diesel_schema_migrations(version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO __diesel_schema_migrations(version) VALUES ('20240101000000'), ('20240201000000')";
    let numbered = [("1_start.sql", START), ("2_star.sql", STAR), ("3_tags.sql", TAGS)];
    for (record, files) in [
        (refinery, [("V1__start.sql", START), ("V2__star.sql", STAR), ("V3__tags.sql", TAGS)]),
        (
            diesel,
            [
                ("2024-01-01-000000_start/up.sql", START),
                ("2024-02-01-000000_star/up.sql", STAR),
                ("2024-03-01-000000_tags/up.sql", TAGS),
            ],
        ),
        ("PRAGMA user_version = 2", numbered),
    ] {
        let history = read(&files);
        let mut db = database(record);
        let error = Migrator::new(&history).run(&mut db).unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::NotTracked, State::Unchanged), "nothing unasked");
        let upgrade = Migrator::new(&history).adopt(true).run(&mut db).unwrap();
        assert_eq!((upgrade.kind, upgrade.from, upgrade.to), (UpgradeKind::Upgraded, 2, 3), "{record}");
        assert_eq!(one::<String>(&db, "SELECT body FROM notes WHERE starred = 0"), "kept");
        assert!(tables(&db).contains(&"tags".to_owned()));
        assert_eq!(Migrator::new(&history).adopt(true).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
        // What the other tool keeps for itself is nobody's change.
        db.execute_batch("CREATE INDEX by_hand ON notes(body)").unwrap();
        let upgrade = Migrator::new(&history).run(&mut db).unwrap();
        assert_eq!(upgrade.warnings, ["index by_hand is in the database, and no migration makes it"], "{record}");
    }
}

/// What a record says is not believed where the tables say otherwise.
#[test]
fn a_record_that_the_schema_does_not_bear_out_is_refused() {
    let history = read(&[("1_start.sql", START), ("2_star.sql", STAR), ("3_tags.sql", TAGS)]);
    for (record, code) in [
        ("PRAGMA user_version = 1; DROP TABLE notes; CREATE TABLE notes(other)", Code::Drift),
        ("PRAGMA user_version = 3", Code::Drift),
        ("PRAGMA user_version = 9", Code::Adoption),
    ] {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(&format!("{START}{STAR}{record};")).unwrap();
        let before: i64 = one(&db, "SELECT total_changes() + (SELECT count(*) FROM sqlite_schema)");
        let error = Migrator::new(&history).adopt(true).run(&mut db).unwrap_err();
        assert_eq!(error.code(), code, "{record}: {error}");
        assert_eq!(one::<i64>(&db, "SELECT total_changes() + (SELECT count(*) FROM sqlite_schema)"), before);
    }
}

/// Nobody has left a record: there is nothing to adopt, and the tables are not taken for a version that they look like.
#[test]
fn a_database_without_any_record_is_not_adopted() {
    let two = history(&[START, STAR]);
    let mut db = database("");
    assert_eq!(block_on(read_other_tool(&mut Sqlite::new(&db), &two)).unwrap(), None);
    let error = Migrator::new(&two).adopt(true).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::NotTracked, State::Unchanged), "{error}");
}

/// Which version a database without a record has, its schema says; where a migration changes rows only, it may be either.
#[test]
fn the_version_of_a_database_is_found_by_its_schema() {
    let four = history(&[START, STAR, "UPDATE notes SET starred = 1;", TAGS]);
    let found = |sql: &str, ignore: &[&str]| {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(sql).unwrap();
        let ignore: Vec<String> = ignore.iter().map(|p| (*p).to_owned()).collect();
        block_on(find_version(&mut Sqlite::new(&db), &four, &ignore)).unwrap()
    };
    assert_eq!(found(START, &[]), [1]);
    assert_eq!(found(&format!("{START}{STAR}"), &[]), [2, 3]);
    assert_eq!(found(&format!("{START}{STAR}{TAGS}"), &[]), [4]);
    assert_eq!(found(&format!("{START}{TAGS}"), &[]), [0_u32; 0]);
    // What is nobody's business, and what another tool keeps for itself, is no part of a version.
    let more = format!("{START} CREATE TABLE cache_a(x); CREATE TABLE __diesel_schema_migrations(version);");
    assert_eq!(found(&more, &["cache*"]), [1]);
    assert_eq!(found(&more, &[]), [0_u32; 0]);
}

/// A file that was renamed or renumbered says what it said: its record follows, and nothing is replayed for that.
#[test]
fn a_record_follows_a_file_that_was_renamed() {
    let shout = "UPDATE notes SET body = app_function(body);";
    let open = || {
        let db = Connection::open_in_memory().unwrap();
        let flags = rusqlite::functions::FunctionFlags::SQLITE_UTF8;
        db.create_scalar_function("app_function", 1, flags, |context| context.get::<Option<String>>(0)).unwrap();
        db
    };
    let before = read(&[("1_start.sql", START), ("2_shout.sql", shout)]);
    for (renamed, change) in [
        (read(&[("1_start.sql", START), ("2_loud.sql", shout)]), "2_shout is recorded as 2_loud"),
        (
            read(&[("1_start.sql", START), ("2_tags.sql", TAGS), ("3_shout.sql", shout)]),
            "2_shout is recorded as 3_shout",
        ),
    ] {
        let mut db = open();
        Migrator::new(&before).run(&mut db).unwrap();
        let changes = block_on(repair_records(&mut Sqlite::new(&db), &renamed, &[])).unwrap();
        assert_eq!(changes, [change]);
        let tags: Vec<String> = changes.iter().filter_map(|c| c.rsplit(' ').next().map(str::to_owned)).collect();
        let recorded = "SELECT version || '_' || name FROM _whimbrel_migrations ORDER BY id DESC LIMIT 1";
        assert_eq!([one::<String>(&db, recorded)], tags[..]);
        assert_eq!(block_on(repair_records(&mut Sqlite::new(&db), &renamed, &[])).unwrap(), [""; 0]);
    }
}
