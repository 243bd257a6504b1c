//! Migrations that are committed in parts: steps of the app, foreign keys and records around each part.

use rusqlite::Connection;
use whimbrel::run::{Cancel, Hooks, Moment, UpgradeSettings, block_on, is_unchanged, upgrade};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Code, Event, History, Migration, Migrator, State, StepResult, Transactions, UpgradeKind};

use super::support::{history, one, tables};

const START: &str = "CREATE TABLE said(what TEXT);";
const PHASED: &str =
    "INSERT INTO said VALUES ('first');\n-- whimbrel: phase second\nINSERT INTO said VALUES ('second');";
const ALONE: &str = "-- whimbrel: no-transaction\nINSERT INTO said VALUES ('alone');";

const TEAMS: &str = "CREATE TABLE team(id INTEGER PRIMARY KEY);
                     CREATE TABLE person(id INTEGER PRIMARY KEY, team INTEGER REFERENCES team(id));";

/// A database of version 1 with a person in a team.
fn teams() -> Connection {
    let mut db = Connection::open_in_memory().unwrap();
    Migrator::new(&history(&[TEAMS])).run(&mut db).unwrap();
    db.execute_batch("INSERT INTO team VALUES (1); INSERT INTO person VALUES (1, 1)").unwrap();
    db
}

/// A step that says something.
fn says(what: &'static str) -> impl FnMut(&Connection) -> StepResult {
    move |tx| {
        tx.execute("INSERT INTO said VALUES (?1)", [what])?;
        Ok(())
    }
}

fn said(db: &Connection) -> String {
    one(db, "SELECT group_concat(what, ' ') FROM (SELECT what FROM said ORDER BY rowid)")
}

#[test]
fn steps_of_the_app_run_once_around_all_parts() {
    for (script, parts) in [(PHASED, "first second"), (ALONE, "alone")] {
        let two = history(&[START, script]);
        let migrator = || Migrator::new(&two).before(2, says("before")).after(2, says("after"));
        let mut old = Connection::open_in_memory().unwrap();
        Migrator::new(&two.up_to(1)).run(&mut old).unwrap();
        migrator().on_create(|_| Err("the database is old".into())).run(&mut old).unwrap();
        assert_eq!(said(&old), format!("before {parts} after"));

        let mut new = Connection::open_in_memory().unwrap();
        let upgrade = migrator().on_create(says("created")).run(&mut new).unwrap();
        assert_eq!(upgrade.kind, UpgradeKind::Created);
        assert_eq!(said(&new), format!("before {parts} after created"));
    }
    // In the middle of a new database's migrations nothing is complete yet.
    for script in [PHASED, ALONE] {
        let three = history(&[START, script, "INSERT INTO said VALUES ('third');"]);
        let mut new = Connection::open_in_memory().unwrap();
        Migrator::new(&three).on_create(says("created")).run(&mut new).unwrap();
        assert!(said(&new).ends_with("third created"), "{}", said(&new));
    }
}

/// A step that fails before anything was committed leaves nothing begun.
#[test]
fn a_step_that_fails_first_leaves_the_old_version() {
    for script in [PHASED, ALONE] {
        let two = history(&[START, script]);
        let mut db = Connection::open_in_memory().unwrap();
        Migrator::new(&two.up_to(1)).run(&mut db).unwrap();
        let error = Migrator::new(&two).before(2, |_| Err("no".into())).run(&mut db).unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::AppStep, State::RolledBack), "{error}");
        assert_eq!(Migrator::new(&two.up_to(1)).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
    }
}

/// A part that runs in a transaction takes its orphans back with it. What has run without one is there to stay, and
/// is told.
#[test]
fn orphans_of_a_part_are_refused_or_told() {
    let mut db = teams();
    let two = history(&[TEAMS, "CREATE TABLE more(a);\n-- whimbrel: phase second\nDELETE FROM team;"]);
    let error = Migrator::new(&two).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::RowsDoNotFit, State::Begun), "{error}");
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM team"), 1);
    assert_eq!(tables(&db), ["more", "person", "team"], "the first part is there");

    let mut db = teams();
    let two = history(&[TEAMS, "-- whimbrel: no-transaction\nDELETE FROM team;"]);
    let upgrade = Migrator::new(&two).run(&mut db).unwrap();
    assert_eq!(upgrade.kind, UpgradeKind::Upgraded);
    assert!(upgrade.warnings.iter().any(|w| w.contains("1 row refers from person")), "{upgrade:?}");
}

/// What a step of the app does is in no script: whatever it may touch is looked at, in the part that it runs in.
#[test]
fn orphans_that_a_step_leaves_are_refused() {
    let phased = "CREATE TABLE a(x);\n-- whimbrel: phase second\nCREATE TABLE b(x);\n-- whimbrel: phase third\nCREATE TABLE c(x);";
    for script in ["CREATE TABLE a(x);", phased] {
        let two = history(&[TEAMS, script]);
        for is_before in [true, false] {
            let mut db = teams();
            let empties = |tx: &Connection| {
                tx.execute("DELETE FROM team", [])?;
                Ok(())
            };
            let mut migrator = match is_before {
                true => Migrator::new(&two).before(2, empties),
                false => Migrator::new(&two).after(2, empties),
            };
            let error = migrator.run(&mut db).unwrap_err();
            assert_eq!(error.code(), Code::RowsDoNotFit, "{script} {is_before}: {error}");
            assert_eq!(one::<i64>(&db, "SELECT count(*) FROM team"), 1);
        }
    }
}

/// A migration in parts has one record in the end, as any other.
#[test]
fn a_migration_in_parts_is_recorded_once() {
    let four = history(&[START, PHASED, ALONE, "INSERT INTO said VALUES ('fourth');"]);
    let mut db = Connection::open_in_memory().unwrap();
    for version in 1..=4 {
        let known = four.up_to(version);
        Migrator::new(&known).run(&mut db).unwrap();
        // The stamp is of all that has run: the next start need not look further.
        assert_eq!(block_on(is_unchanged(&mut Sqlite::new(&db), &known)).unwrap(), Some(false), "{version}");
    }
    let records =
        "SELECT group_concat(idx || ':' || batch || ':' || coalesce(phases, 'done'), ' ') FROM _whimbrel_migrations";
    assert_eq!(one::<String>(&db, records), "1:1:done 2:2:done 3:3:done 4:4:done");
}

/// Every look at this clock is a second later.
struct Clock(i64);

impl<C: whimbrel::run::Connection> Hooks<C> for Clock {
    fn now(&mut self) -> i64 {
        self.0 += 1_000;
        self.0
    }

    fn has_steps(&self, _: &[&Migration]) -> bool {
        false
    }

    async fn at(&mut self, _: &mut C, _: Moment<'_>) -> whimbrel::Result<()> {
        Ok(())
    }
}

/// How long each took, and where it stands in the run, is told and recorded.
#[test]
fn every_migration_is_told_with_its_place_and_its_time() {
    let four: History = history(&[START, PHASED, ALONE, "INSERT INTO said VALUES ('fourth');"]);
    for transactions in [Transactions::Whole, Transactions::Each] {
        let db = Connection::open_in_memory().unwrap();
        let mut told = Vec::new();
        let mut observer = |event: &Event<'_>| {
            if let Event::Migration { number, of, name, .. } = event {
                told.push(format!("{number}/{of} {name}"));
            }
        };
        let settings = UpgradeSettings { transactions, ..UpgradeSettings::default() };
        let mut host = Sqlite::new(&db);
        let done = block_on(upgrade(&mut host, &four, &settings, &mut Clock(0), &mut observer, &Cancel::default()));
        assert_eq!(told, ["1/4 0001_m1", "2/4 0002_m2", "3/4 0003_m3", "4/4 0004_m4"]);
        let took: Vec<i64> = done.unwrap().applied.into_iter().map(|(_, took)| took).collect();
        // The time of a migration in parts is taken once more, for what its record says.
        assert_eq!(took, [1_000, 2_000, 2_000, 1_000], "{transactions:?}");
        let recorded = "SELECT group_concat(milliseconds) FROM _whimbrel_migrations";
        assert_eq!(one::<String>(&db, recorded), "1000,1000,1000,1000", "{transactions:?}");
    }
}

/// A step must leave the transaction as it found it: what it had committed would be there to stay, whatever comes after.
#[test]
fn a_step_that_ends_the_transaction_is_noticed_at_once() {
    for script in ["CREATE TABLE more(a);", PHASED] {
        for is_before in [true, false] {
            let two = history(&[START, script]);
            let mut db = Connection::open_in_memory().unwrap();
            Migrator::new(&two.up_to(1)).run(&mut db).unwrap();
            let rolls_back = |tx: &Connection| Ok(tx.execute_batch("ROLLBACK")?);
            let mut migrator = match is_before {
                true => Migrator::new(&two).before(2, rolls_back),
                false => Migrator::new(&two).after(2, rolls_back),
            };
            let error = migrator.run(&mut db).unwrap_err();
            assert_eq!(error.code(), Code::TransactionLost, "{script} {is_before}: {error}");
            assert_eq!(error.report().migration.as_deref(), Some("0002_m2"));
            assert_eq!(tables(&db), ["said"]);
            assert!(is_before || script != PHASED || said(&db) == "first", "the first part was committed before");
        }
    }
}

/// Each statement is told with its place, and one that fails with its first line.
#[test]
fn statements_are_told_with_their_place() {
    let script = "CREATE TABLE more(a);\nINSERT INTO more VALUES (1);\nINSERT INTO more\n    VALUES (2, 3);\n";
    let two = history(&[START, script]);
    let mut db = Connection::open_in_memory().unwrap();
    Migrator::new(&two.up_to(1)).run(&mut db).unwrap();
    let mut told = Vec::new();
    let mut observer = |event: &Event<'_>| {
        if let Event::Statement { number, of } = event {
            told.push(format!("{number}/{of}"));
        }
    };
    let error = Migrator::new(&two).observer(&mut observer).run(&mut db).unwrap_err();
    assert_eq!(told, ["1/3", "2/3"]);
    let origin = &error.report().origin;
    let source = origin.source.as_ref().unwrap();
    assert_eq!((source.name.as_str(), &source.text[origin.range.clone()]), ("0002_m2.sql", "INSERT INTO more"));
}

/// The stamp is of what has run, also where what came next has failed.
#[test]
fn a_failure_behind_a_migration_in_parts_leaves_its_stamp() {
    for script in [PHASED, ALONE] {
        for transactions in [Transactions::Whole, Transactions::Each] {
            let three = history(&[START, script, "INSERT INTO nothing VALUES (1);"]);
            let mut db = Connection::open_in_memory().unwrap();
            Migrator::new(&three.up_to(1)).run(&mut db).unwrap();
            let error = Migrator::new(&three).transactions(transactions).run(&mut db).unwrap_err();
            assert_eq!(error.report().migration.as_deref(), Some("0003_m3"), "{error}");
            let two = three.up_to(2);
            assert_eq!(block_on(is_unchanged(&mut Sqlite::new(&db), &two)).unwrap(), Some(false), "{script}");
        }
    }
}
