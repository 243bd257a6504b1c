//! Ways back: what a script says is tried, compared with what was there before, and told.

use rusqlite::Connection;
use whimbrel::run::{block_on, read_tracking, undone};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Code, Error, Event, Files, Folder, History, MemoryFiles, Migrator, State, Upgrade, UpgradeKind};

use super::support::{one, tables};

const START: &str = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);";
const STAR: &str = "ALTER TABLE notes ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;";
const UNSTAR: &str = "ALTER TABLE notes DROP COLUMN starred;";
const TAGS: &str = "CREATE TABLE tags(note INTEGER REFERENCES notes(id), tag TEXT);";

fn read(files: &[(&str, &str)]) -> History {
    let mut folder = MemoryFiles::default();
    for (path, text) in files {
        folder.write(path, text.as_bytes()).unwrap();
    }
    Folder::read(&folder).unwrap().history
}

/// A database with a row, at the newest version.
fn database(history: &History) -> Connection {
    let mut db = Connection::open_in_memory().unwrap();
    Migrator::new(history).run(&mut db).unwrap();
    db.execute_batch("INSERT INTO notes(body) VALUES ('kept')").unwrap();
    db
}

fn back(db: &mut Connection, migrator: Migrator<'_>, to: u32) -> Result<Upgrade, Error> {
    let records = block_on(read_tracking(&mut Sqlite::new(&*db))).unwrap().records;
    let mut migrator = migrator;
    migrator.undo(db, &undone(&records, to))
}

/// A script that forgets something, or undoes too much, leaves what no version has. It is found before the commit.
#[test]
fn a_way_back_that_leads_elsewhere_is_not_gone() {
    for (wrong, says) in [
        ("SELECT 1;", "table notes is another (- starred)"),
        ("ALTER TABLE notes DROP COLUMN starred; CREATE TABLE left_over(a);", "table left_over is left"),
        ("ALTER TABLE notes RENAME COLUMN starred TO other;", "table notes is another (- other)"),
    ] {
        let two = read(&[("1_start.sql", START), ("2_star.sql", STAR), ("2_star.down.sql", wrong)]);
        let mut db = database(&two);
        let error = back(&mut db, Migrator::new(&two), 1).unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::VerificationFailed, State::RolledBack), "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(one::<i64>(&db, "SELECT starred FROM notes"), 0);
        assert_eq!(Migrator::new(&two).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
        // Who takes the schema as it is gets it.
        let upgrade = back(&mut db, Migrator::new(&two).accept_drift(true), 1).unwrap();
        assert_eq!((upgrade.kind, upgrade.from, upgrade.to), (UpgradeKind::Downgraded, 2, 1));
        assert_eq!(one::<String>(&db, "SELECT body FROM notes"), "kept");
    }
}

#[test]
fn a_migration_that_says_it_cannot_be_undone_is_not() {
    let says_so = format!("-- whimbrel: irreversible\n{STAR}");
    let two = read(&[("1_start.sql", START), ("2_star.sql", &says_so), ("2_star.down.sql", UNSTAR)]);
    let none = read(&[("1_start.sql", START), ("2_star.sql", STAR)]);
    for (history, why) in [(&two, "its script says so"), (&none, "it has no .down.sql")] {
        let mut db = database(history);
        let error = back(&mut db, Migrator::new(history), 1).unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::Irreversible, State::Unchanged), "{error}");
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(one::<i64>(&db, "SELECT starred FROM notes"), 0);
    }
}

/// Whoever goes back is told what happens, and where a script is wrong.
#[test]
fn a_way_back_tells_what_it_does() {
    let three = |down: &str| {
        read(&[
            ("1_start.sql", START),
            ("2_star.sql", STAR),
            ("2_star.down.sql", down),
            ("3_tags.sql", TAGS),
            ("3_tags.down.sql", "DROP TABLE tags;"),
        ])
    };
    let (good, broken) = (three(UNSTAR), three("ALTER TABLE notes DROP COLUMN stars;"));
    let mut db = database(&good);
    let error = back(&mut db, Migrator::new(&broken), 1).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::StatementFailed, State::RolledBack), "{error}");
    assert!(error.to_string().contains("2_star.down.sql"), "{error}");
    assert_eq!(tables(&db), ["notes", "tags"]);

    let mut told = Vec::new();
    let mut observer = |event: &Event<'_>| match event {
        Event::UpgradeStarted { from, to, migrations } => told.push(format!("{migrations} from {from} to {to}")),
        Event::Migration { number, of, name, .. } => told.push(format!("{number}/{of} {name}")),
        Event::Upgraded { from, to } => told.push(format!("{from} is {to}")),
        _ => {}
    };
    let upgrade = back(&mut db, Migrator::new(&good).observer(&mut observer), 1).unwrap();
    assert_eq!(told, ["2 from 3 to 1", "1/2 3_tags", "2/2 2_star", "3 is 1"]);
    assert_eq!(upgrade.applied, [("3_tags".to_owned(), 0), ("2_star".to_owned(), 0)]);
    assert_eq!(tables(&db), ["notes"]);
}

/// What was taken back to nothing has a history all the same: it is no new database.
#[test]
fn a_database_that_went_all_the_way_back_is_not_new() {
    let one_only = read(&[("1_start.sql", START), ("1_start.down.sql", "DROP TABLE notes;")]);
    let mut db = database(&one_only);
    let upgrade = back(&mut db, Migrator::new(&one_only), 0).unwrap();
    assert_eq!((upgrade.kind, upgrade.from, upgrade.to), (UpgradeKind::Downgraded, 1, 0));
    assert!(tables(&db).is_empty());
    let upgrade = Migrator::new(&one_only).on_create(|_| Err("it is not new".into())).run(&mut db).unwrap();
    assert_eq!((upgrade.kind, upgrade.from, upgrade.to), (UpgradeKind::Upgraded, 0, 1));
}
