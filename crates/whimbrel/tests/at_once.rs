//! A push makes its plan and runs it at once, and does not ask the rows what SQLite asks them by itself. What comes of it is
//! what comes of a plan that somebody has looked at.

#[path = "support/faulty.rs"]
mod faulty;

use faulty::{Faulty, Mode};
use rusqlite::Connection;
use whimbrel::plan::rows_text;
use whimbrel::run::{Cancel, Settings, block_on, make_plan, run_at_once};
use whimbrel::sqlite_host::read_schema;
use whimbrel::{Code, Migrator, Planner, Question, Schema, State};

const BEFORE: &str = "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, price INT); CREATE TABLE other(a, b)";

/// New constraints, each with the row that does not fit it.
const CONSTRAINTS: [(&str, &str); 9] = [
    ("item(id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INT)", "item VALUES (7, NULL, 7)"),
    ("item(id INTEGER PRIMARY KEY, name TEXT NOT NULL ON CONFLICT IGNORE, price INT)", "item VALUES (7, NULL, 7)"),
    ("item(id INTEGER PRIMARY KEY, name TEXT NOT NULL ON CONFLICT REPLACE, price INT)", "item VALUES (7, NULL, 7)"),
    ("item(id INTEGER PRIMARY KEY, name TEXT, price INT, CHECK (price > 0))", "item VALUES (7, 'g', 0)"),
    (
        "item(id INTEGER PRIMARY KEY, name TEXT, price INT CONSTRAINT is_price CHECK (price > 0 AND name <> ''))",
        "item VALUES (7, '', 7)",
    ),
    (
        "item(id INTEGER PRIMARY KEY, name TEXT, price INT); CREATE UNIQUE INDEX i ON item(name)",
        "item VALUES (7, 'a', 7)",
    ),
    (
        "item(id INTEGER PRIMARY KEY, name TEXT, price INT); CREATE UNIQUE INDEX i ON item(lower(name)) WHERE price > 0",
        "item VALUES (7, 'A', 7)",
    ),
    (
        "item(id INTEGER PRIMARY KEY, name TEXT, price INT NOT NULL, CHECK (name IS NOT NULL))",
        "item VALUES (7, NULL, NULL)",
    ),
    // The other constraint is made first, and everything is undone.
    ("item(id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INT, CHECK (price < 99))", "item VALUES (7, 'g', 99)"),
];

fn database(path: &std::path::Path, journal: &str, more: &str) -> Connection {
    let db = Connection::open(path).unwrap();
    db.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).unwrap();
    let rows = "INSERT INTO item VALUES (1, 'a', 1), (2, 'b', 2); INSERT INTO other VALUES (1, 1)";
    db.execute_batch(&format!("{BEFORE}; {rows}; {more}")).unwrap();
    db
}

fn declared(item: &str) -> Schema {
    Schema::from_sql(&format!("CREATE TABLE {item}; CREATE TABLE other(a, b)")).unwrap()
}

#[test]
fn rows_that_fit_get_the_constraint() {
    for (item, _) in CONSTRAINTS {
        let folder = tempfile::tempdir().unwrap();
        let mut db = database(&folder.path().join("app.db"), "wal", "");
        let schema = declared(item);
        let report = Planner::new(&schema).push(&mut db).unwrap();
        assert_ne!(report.changes, 0, "{item}");
        assert!(Planner::new(&schema).plan(&mut db).unwrap().is_empty(), "{item}");
    }
}

/// The error is that of a plan, word for word, and the file has not changed by a byte.
#[test]
fn rows_that_do_not_fit_are_refused_as_a_plan_refuses_them() {
    for (journal, (item, row)) in ["delete", "wal"].iter().flat_map(|j| CONSTRAINTS.map(|c| (*j, c))) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let mut db = database(&path, journal, &format!("INSERT INTO {row}"));
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        let file = std::fs::read(&path).unwrap();
        let schema = declared(item);
        for (show_rows, accept) in [(false, false), (true, true)] {
            let mut planner = Planner::new(&schema).show_rows(show_rows).accept_data_loss(accept);
            let plan = planner.plan(&mut db).unwrap();
            let error = planner.push(&mut db).unwrap_err();
            assert_eq!(format!("{:?}", error.report()), format!("{:?}", plan.obstacles[0].report()), "{item}");
            assert!(error.report().message.contains("1 "), "{error}");
            assert_eq!(error.report().state, State::Unchanged, "{item}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), file, "{journal}: {item}");
        let log = std::fs::read(format!("{}-wal", path.display())).unwrap_or_default();
        assert!(log.is_empty(), "{journal}: {item}");
    }
}

/// Rows without a value get the one that the schema has for them, and the report says how many.
#[test]
fn rows_that_can_be_made_to_fit_get_their_value() {
    for (column, value) in [
        ("-- whimbrel: backfill 'of ' || price\n name TEXT NOT NULL", "of 7"),
        ("name TEXT NOT NULL DEFAULT 'none'", "none"),
    ] {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(&format!("{BEFORE}; INSERT INTO item VALUES (1, 'a', 1), (7, NULL, 7)")).unwrap();
        let schema = declared(&format!("item(id INTEGER PRIMARY KEY,\n {column}, price INT)"));
        let report = Planner::new(&schema).push(&mut db).unwrap();
        assert_eq!(report.warnings, [format!("{} of item get a value in name, which was NULL", rows_text(1))]);
        let name: String = db.query_row("SELECT name FROM item WHERE id = 7", [], |row| row.get(0)).unwrap();
        assert_eq!(name, value);
        assert!(Planner::new(&schema).plan(&mut db).unwrap().is_empty());
    }
}

/// A value that cannot be computed is refused also where no row needs it: another database has such a row.
#[test]
fn what_cannot_be_computed_is_found_without_a_row() {
    let schema =
        declared("item(id INTEGER PRIMARY KEY,\n -- whimbrel: backfill no_such(1)\n name TEXT NOT NULL, price INT)");
    let mut db = Connection::open_in_memory().unwrap();
    db.execute_batch(&format!("{BEFORE}; INSERT INTO item VALUES (1, 'a', 1)")).unwrap();
    let planned = Planner::new(&schema).plan(&mut db).unwrap_err();
    let pushed = Planner::new(&schema).push(&mut db).unwrap_err();
    assert_eq!(pushed.code(), Code::SchemaRejected, "{pushed}");
    assert_eq!(pushed.report().message, planned.report().message);
}

/// A database that is kept by its declared schema is pushed at its start; when the row is mended, the next start gets there.
#[test]
fn a_start_that_rows_refuse_says_how_many() {
    let first = Schema::from_sql(BEFORE).unwrap();
    let second = declared("item(id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INT)");
    let mut db = Connection::open_in_memory().unwrap();
    Migrator::auto_alter(&first).run(&mut db).unwrap();
    db.execute_batch("INSERT INTO item VALUES (1, 'a', 1), (7, NULL, 7), (8, NULL, 8)").unwrap();
    let plan = Planner::new(&second).ignore("_whimbrel_*").plan(&mut db).unwrap();
    let error = Migrator::auto_alter(&second).run(&mut db).unwrap_err();
    assert_eq!(error.report().message, plan.obstacles[0].report().message);
    assert!(error.report().message.starts_with("2 rows"), "{error}");
    db.execute_batch("UPDATE item SET name = id WHERE name IS NULL").unwrap();
    Migrator::auto_alter(&second).run(&mut db).unwrap();
    assert!(db.execute_batch("INSERT INTO item VALUES (9, NULL, 9)").is_err());
}

/// Whatever request fails, of the run or of the plan that is made once more: the schema is the old one or the new one, as the
/// error says, and what does not fit never gets in.
#[test]
fn every_request_of_a_push_at_once_fails_once() {
    let (before, after) = (Schema::from_sql(BEFORE).unwrap(), declared(CONSTRAINTS[8].0));
    for (row, fits) in [("item VALUES (7, 'g', 7)", true), (CONSTRAINTS[8].1, false)] {
        for mode in [Mode::Before, Mode::After, Mode::Sticky] {
            let mut requests = 0;
            loop {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("app.db");
                let mut host = Faulty::new(database(&path, "wal", &format!("INSERT INTO {row}")), requests, mode);
                let settings = Settings { at_once: true, ..Settings::default() };
                let mut nobody = |_: &Question| None;
                let outcome = block_on(async {
                    let plan = make_plan(&mut host, &after, &settings, &mut nobody).await?;
                    run_at_once(&mut host, &plan, &after, &settings, &mut nobody, &mut (), &Cancel::default()).await
                });
                let has_failed = host.failed;
                drop(host);
                let mut db = Connection::open(&path).unwrap();
                let now = read_schema(&mut db).unwrap().fingerprint();
                let is_new = now == after.fingerprint();
                let story = format!("{row}, {mode:?}, request {requests}: {outcome:?}");
                assert!(is_new || now == before.fingerprint(), "{story}");
                assert!(fits || !is_new, "{story}");
                match outcome.as_ref().map_err(|e| e.report().state) {
                    Ok(_) | Err(State::Applied) => assert!(is_new, "{story}"),
                    Err(State::Unchanged | State::RolledBack) => assert!(!is_new, "{story}"),
                    Err(State::Unknown) => {}
                    Err(State::Begun) => panic!("{story}"),
                }
                assert_eq!(Planner::new(&after).push(&mut db).is_ok(), fits, "{story}");
                if !has_failed {
                    break;
                }
                requests += 1;
            }
            assert!(requests > 40, "{row}: only {requests} requests");
        }
    }
}
