use std::cell::RefCell;
use std::rc::Rc;

use rusqlite::Connection;
use whimbrel::history::Checksum;
use whimbrel::testing::{CheckKind, Outcome, Verifier};
use whimbrel::{Cancel, Code, Event, History, Migration, Migrator, UpgradeKind};

use super::support::{count, forward, found, history, one, with_snapshot};

/// A history with much of what migrations do, all of it right.
fn app() -> History {
    with_snapshot(history(&[
        (
            "CREATE TABLE team(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
             CREATE TABLE person(id INTEGER PRIMARY KEY, mail TEXT, team INT REFERENCES team(id) ON DELETE CASCADE);",
            Some("DROP TABLE person; DROP TABLE team;"),
        ),
        (
            "ALTER TABLE person ADD COLUMN age INTEGER CHECK (age >= 0);
             CREATE TABLE log(line TEXT);
             CREATE TRIGGER person_log AFTER UPDATE ON person BEGIN INSERT INTO log VALUES (new.mail); END;",
            Some("DROP TRIGGER person_log; DROP TABLE log; ALTER TABLE person DROP COLUMN age;"),
        ),
        (
            // A rebuild by hand, and the way back by another.
            "CREATE TABLE new_team(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, color TEXT);
             INSERT INTO new_team(id, name) SELECT id, name FROM team;
             DROP TABLE team;
             ALTER TABLE new_team RENAME TO team;",
            Some(
                "CREATE TABLE old_team(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
                 INSERT INTO old_team SELECT id, name FROM team;
                 DROP TABLE team;
                 ALTER TABLE old_team RENAME TO team;",
            ),
        ),
        (
            "CREATE VIRTUAL TABLE mails USING fts5(mail);
             INSERT INTO mails(rowid, mail) SELECT id, mail FROM person WHERE mail IS NOT NULL;
             UPDATE person SET age = 40 WHERE age IS NULL;",
            Some("DROP TABLE mails;"),
        ),
        (
            "ALTER TABLE person RENAME COLUMN mail TO email;
             CREATE TABLE kind(id TEXT PRIMARY KEY) WITHOUT ROWID;
             CREATE VIEW old_people AS SELECT email FROM person WHERE age > 60;",
            None,
        ),
    ]))
}

#[test]
fn a_history_that_is_right_passes() {
    let history = app();
    let report = Verifier::new(&history).verify_all().unwrap();
    assert!(report.checks.iter().all(|check| check.outcome == Outcome::Passed), "{report}");
    assert_eq!(report.versions, [1, 2, 3, 4, 5]);
    assert_eq!((report.pairs, report.pairs_tried), (10, 10));
    assert_eq!(report.rows_given_up, 0, "{report}");
    let counts = [
        (CheckKind::Create, 5),
        (CheckKind::Fresh, 1),
        (CheckKind::Snapshot, 1),
        (CheckKind::Squash, 0),
        (CheckKind::Upgrade, 10),
        (CheckKind::StepByStep, 1),
        (CheckKind::Twice, 4),
        (CheckKind::DownAndUp, 4),
    ];
    for (kind, expected) in counts {
        assert_eq!(count(&report, kind), expected, "{kind}: {report}");
    }
    assert!(report.into_result().is_ok());
}

#[test]
fn all_of_a_row_of_ways_back_are_gone_at_once() {
    let history = history(&[
        ("CREATE TABLE t(a TEXT)", None),
        ("ALTER TABLE t ADD b", Some("ALTER TABLE t DROP COLUMN b")),
        ("ALTER TABLE t ADD c", Some("ALTER TABLE t DROP COLUMN c")),
    ]);
    let report = Verifier::new(&history).verify_all().unwrap();
    assert!(report.checks.iter().all(|check| check.outcome == Outcome::Passed), "{report}");
    let ways: Vec<_> =
        report.checks.iter().filter(|c| c.kind == CheckKind::DownAndUp).map(|c| (c.from, c.to)).collect();
    assert_eq!(ways, [(Some(2), 1), (Some(3), 2), (Some(3), 1)]);
    let report = Verifier::new(&history).skip_down().verify_all().unwrap();
    assert_eq!(count(&report, CheckKind::DownAndUp), 0);
}

#[test]
fn a_database_of_a_version_is_what_an_app_of_that_time_had() {
    let history = app();
    let verifier = Verifier::new(&history);
    for version in 1..=5 {
        let mut db = verifier.start_at(version).unwrap();
        let then = history.up_to(version);
        let upgrade = Migrator::new(&then).run(&mut db).unwrap();
        assert_eq!((upgrade.kind, upgrade.to), (UpgradeKind::Unchanged, version));
        assert_eq!(one::<i64>(&db, "SELECT count(*) FROM team"), 0);
    }
    let filled = verifier.start_with_rows(3).unwrap();
    assert_eq!(one::<i64>(&filled, "SELECT count(*) FROM person JOIN team ON team.id = team"), 6);
    assert_eq!(verifier.start_at(9).unwrap_err().code(), Code::UnknownMigration);
}

#[test]
fn one_upgrade_with_rows_of_a_test() {
    let history = app();
    let verifier = Verifier::new(&history);
    let mut db = verifier.start_at(2).unwrap();
    db.execute_batch("INSERT INTO team VALUES (7, 'a'); INSERT INTO person(mail, team) VALUES ('x', 7), (NULL, 7)")
        .unwrap();
    let upgrade = verifier.migrate_and_validate(&mut db, 4).unwrap();
    assert_eq!((upgrade.from, upgrade.to), (2, 4));
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM person WHERE age = 40"), 2);
    verifier.migrate_and_validate(&mut db, 5).unwrap();
    assert_eq!(one::<String>(&db, "SELECT email FROM person WHERE id = 1"), "x");
}

#[test]
fn the_steps_of_the_app_run() {
    let history = forward(&["CREATE TABLE t(a TEXT)", "ALTER TABLE t ADD b TEXT"]);
    fn with_steps(migrator: Migrator<'_>) -> Migrator<'_> {
        migrator
            .before(2, |tx| Ok(tx.execute_batch("UPDATE t SET a = coalesce(a, '')")?))
            .after(2, |tx| Ok(tx.execute_batch("UPDATE t SET b = upper(a)")?))
            .on_create(|tx| Ok(tx.execute_batch("INSERT INTO t(a) VALUES ('welcome')")?))
    }
    let verifier = Verifier::new(&history).migrator(with_steps);
    let mut db = verifier.start_at(1).unwrap();
    assert_eq!(one::<String>(&db, "SELECT a FROM t"), "welcome");
    verifier.migrate_and_validate(&mut db, 2).unwrap();
    assert_eq!(one::<String>(&db, "SELECT b FROM t"), "WELCOME");
    let report = verifier.verify_all().unwrap();
    assert!(report.is_ok(), "{report}");
    // The step changes values on purpose; that is told.
    let told = found(&report, Outcome::Noted);
    assert_eq!(
        told,
        [
            "upgrade 1 2 t.a: values of t.a are others than before, and no statement writes them: a step of the app, it seems"
        ]
    );
    let report = Verifier::new(&history).migrator(with_steps).may_change("T").verify_all().unwrap();
    assert!(found(&report, Outcome::Noted).is_empty(), "{report}");
}

#[test]
fn functions_of_the_app_are_known() {
    let history =
        forward(&["CREATE TABLE t(a TEXT, b TEXT)", "UPDATE t SET b = shout(a); CREATE INDEX loud ON t(shout(a));"]);
    let report = Verifier::new(&history).verify_all().unwrap();
    assert_eq!(found(&report, Outcome::Failed).len(), 1, "{report}");
    let register = |db: &Connection| {
        let flags = rusqlite::functions::FunctionFlags::SQLITE_DETERMINISTIC;
        db.create_scalar_function("shout", 1, flags, |call| {
            Ok(call.get::<Option<String>>(0)?.map(|text| text.to_uppercase()))
        })?;
        Ok(())
    };
    let report = Verifier::new(&history).on_open(register).verify_all().unwrap();
    assert!(report.is_ok(), "{report}");
}

#[test]
fn fixtures_go_with_every_upgrade_from_their_version() {
    let history = app();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&seen);
    let report = Verifier::new(&history)
        .rows(0)
        .fixture(2, |db| {
            Ok(db.execute_batch("INSERT INTO team VALUES (1, 'a'); INSERT INTO person VALUES (1, 'm', 1, 3)")?)
        })
        .fixture(4, |db| Ok(db.execute_batch("INSERT INTO team(name) VALUES ('b')")?))
        .migrator(move |migrator| {
            let told = Rc::clone(&told);
            migrator.before(5, move |tx| {
                told.borrow_mut().push(tx.query_row("SELECT count(*) FROM team", [], |row| row.get::<_, i64>(0))?);
                Ok(())
            })
        })
        .verify_all()
        .unwrap();
    assert!(report.checks.iter().all(|check| check.outcome == Outcome::Passed), "{report}");
    assert_eq!((report.rows_made, report.rows_given_up), (0, 0));
    // Both rows meet on the way step by step.
    assert!(seen.borrow().contains(&2), "{seen:?}");
}

#[test]
fn the_same_seed_gives_the_same_rows() {
    let history = app();
    let rows = |seed| {
        let db = Verifier::new(&history).seed(seed).rows(20).start_with_rows(5).unwrap();
        one::<String>(&db, "SELECT group_concat(quote(email) || quote(team) || quote(age)) FROM person")
    };
    assert_eq!(rows(3), rows(3));
    assert_ne!(rows(3), rows(4));
}

#[test]
fn a_long_history_is_sampled() {
    let scripts: Vec<String> = (1..=40).map(|n| format!("CREATE TABLE t{n}(a INTEGER PRIMARY KEY, b TEXT)")).collect();
    let history = forward(&scripts.iter().map(String::as_str).collect::<Vec<_>>());
    let report = Verifier::new(&history).upgrades(100).rows(1).verify_all().unwrap();
    assert!(report.is_ok(), "{report}");
    assert_eq!((report.pairs, report.pairs_tried), (780, 100));
    let upgrades: Vec<_> =
        report.checks.iter().filter(|c| c.kind == CheckKind::Upgrade).map(|c| (c.from.unwrap(), c.to)).collect();
    assert!((1..40).all(|n| upgrades.contains(&(n, n + 1)) && upgrades.contains(&(n, 40))));
    assert!(report.to_string().starts_with("40 versions, 100 of 780 possible upgrades (every version to the newest"));
}

#[test]
fn squashed_migrations_are_started_from_as_they_were() {
    let old = forward(&["CREATE TABLE t(a TEXT)", "ALTER TABLE t ADD b TEXT", "ALTER TABLE t ADD c TEXT"]);
    let replaces: Vec<Migration> = old.migrations[..2].to_vec();
    let squashed = Migration {
        up: "CREATE TABLE t(a TEXT, b TEXT)".into(),
        replaces: replaces.clone().into(),
        checksum: Checksum::of_script(whimbrel::Dialect::Sqlite, "CREATE TABLE t(a TEXT, b TEXT)").unwrap(),
        ..replaces[1].clone()
    };
    let history = History::new(vec![squashed, old.migrations[2].clone()], None);
    let report = Verifier::new(&history).verify_all().unwrap();
    assert!(report.checks.iter().all(|check| check.outcome == Outcome::Passed), "{report}");
    assert_eq!(report.versions, [1, 2, 3]);
    assert_eq!(count(&report, CheckKind::Squash), 1);
}

#[test]
fn what_stands_above_each_bar_is_told() {
    let history = app();
    let told = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&told);
    let report = Verifier::new(&history)
        .observer(move |event: &Event<'_>| {
            if let Event::Step { number, of, object, title } = event {
                seen.borrow_mut().push((*number, *of, format!("{title} {object}")));
            }
        })
        .verify_all()
        .unwrap();
    let told = told.borrow();
    assert_eq!(told.len(), report.checks.len());
    assert!(
        told.iter().enumerate().all(|(n, (number, of, _))| *number == n + 1 && *of == report.checks.len()),
        "{told:?}"
    );
    assert_eq!(told[0].2, "create 1");
    assert!(told.iter().any(|(.., text)| text == "upgrade 2 to 4"));
}

#[test]
fn it_can_be_stopped() {
    let history = app();
    let cancel = Cancel::default();
    let other = cancel.clone();
    let verifier = Verifier::new(&history).cancel(&cancel).observer(move |event: &Event<'_>| {
        if matches!(event, Event::Step { number: 4, .. }) {
            other.cancel();
        }
    });
    assert_eq!(verifier.verify_all().unwrap_err().code(), Code::Cancelled);
}

#[test]
fn nothing_and_one_migration_are_histories_too() {
    let nothing = History::default();
    let report = Verifier::new(&nothing).verify_all().unwrap();
    assert!(report.checks.is_empty() && report.is_ok(), "{report}");
    let one = forward(&["CREATE TABLE t(a)"]);
    let report = Verifier::new(&one).verify_all().unwrap();
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.versions, [1]);
}
