//! Databases that another tool has migrated, on the devices of users.

use rusqlite::Connection;
use whimbrel::{Code, Files, Folder, History, MemoryFiles, Migrator, State, UpgradeKind};

use super::support::{one, tables};

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
