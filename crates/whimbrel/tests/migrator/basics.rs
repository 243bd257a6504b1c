use rusqlite::Connection;
use whimbrel::{Code, Migrator, State, Transactions, UpgradeKind};

use super::support::{history, one, tables};

const THREE: [&str; 3] = [
    "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);",
    "ALTER TABLE notes ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;",
    "CREATE TABLE tags(note INTEGER REFERENCES notes(id), tag TEXT); UPDATE notes SET starred = 1 WHERE body = 'b';",
];

#[test]
fn a_new_database_then_nothing_then_the_next_version() {
    let mut db = Connection::open_in_memory().unwrap();
    let (two, three) = (history(&THREE[..2]), history(&THREE));
    let made = Migrator::new(&two).run(&mut db).unwrap();
    assert_eq!((made.kind, made.from, made.to), (UpgradeKind::Created, 0, 2));
    db.execute_batch("INSERT INTO notes(body) VALUES ('a'), ('b')").unwrap();

    let again = Migrator::new(&two).run(&mut db).unwrap();
    assert_eq!((again.kind, again.from, again.to), (UpgradeKind::Unchanged, 2, 2));

    let next = Migrator::new(&three).run(&mut db).unwrap();
    assert_eq!((next.kind, next.from, next.to), (UpgradeKind::Upgraded, 2, 3));
    assert_eq!(one::<i64>(&db, "SELECT sum(starred) FROM notes"), 1);
    assert_eq!(tables(&db), ["notes", "tags"]);
    assert_eq!(Migrator::new(&three).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);

    // The older app finds a database it does not understand, and leaves it alone.
    let error = Migrator::new(&two).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::DatabaseNewer, State::Unchanged));
}

#[test]
fn a_failure_leaves_the_old_version() {
    for (transactions, left) in [(Transactions::Whole, 1), (Transactions::Each, 2)] {
        let mut db = Connection::open_in_memory().unwrap();
        Migrator::new(&history(&THREE[..1])).run(&mut db).unwrap();
        db.execute_batch("INSERT INTO notes(body) VALUES ('a')").unwrap();
        let broken = history(&[THREE[0], THREE[1], "CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1), (1);"]);
        let error = Migrator::new(&broken).transactions(transactions).run(&mut db).unwrap_err();
        assert_eq!((error.code(), error.report().state), (Code::RowsDoNotFit, State::RolledBack), "{error}");
        assert_eq!(error.report().migration.as_deref(), Some("0003_m3"));
        let known = history(&THREE[..left]);
        assert_eq!(Migrator::new(&known).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
        assert_eq!(one::<i64>(&db, "SELECT count(*) FROM notes"), 1);
    }
}

#[test]
fn steps_of_the_app_run_in_the_transaction() {
    let mut db = Connection::open_in_memory().unwrap();
    Migrator::new(&history(&THREE[..1])).run(&mut db).unwrap();
    db.execute_batch("INSERT INTO notes(body) VALUES ('b')").unwrap();
    let three = history(&THREE);
    let fails = Migrator::new(&three)
        .before(2, |tx| Ok(tx.execute_batch("UPDATE notes SET body = 'changed'")?))
        .after(3, |_| Err("no".into()))
        .run(&mut db)
        .unwrap_err();
    assert_eq!((fails.code(), fails.report().state), (Code::AppStep, State::RolledBack));
    assert_eq!(one::<String>(&db, "SELECT body FROM notes"), "b");
    let mut seen = None;
    Migrator::new(&three)
        .after(3, |tx| Ok(tx.execute_batch("UPDATE notes SET body = body || '!'")?))
        .on_create(|_| Err("the database is old".into()))
        .before_open(|_, details| {
            seen = Some((details.from, details.to));
            Ok(())
        })
        .run(&mut db)
        .unwrap();
    assert_eq!(one::<String>(&db, "SELECT body FROM notes"), "b!");
    assert_eq!(seen, Some((Some(1), 3)));
}

#[test]
fn phases_are_resumed() {
    let script = "ALTER TABLE notes ADD COLUMN words INTEGER;\n\
                  -- whimbrel: backfill\n\
                  UPDATE notes SET words = length(body) WHERE id IN (SELECT id FROM notes WHERE words IS NULL LIMIT 3);\n\
                  -- whimbrel: phase index\n\
                  CREATE UNIQUE INDEX u ON notes(body);";
    let mut db = Connection::open_in_memory().unwrap();
    Migrator::new(&history(&THREE[..1])).run(&mut db).unwrap();
    for _ in 0..10 {
        db.execute_batch("INSERT INTO notes(body) VALUES ('same')").unwrap();
    }
    let two = history(&[THREE[0], script]);
    let error = Migrator::new(&two).run(&mut db).unwrap_err();
    assert_eq!(error.code(), Code::RowsDoNotFit);
    assert_eq!(one::<i64>(&db, "SELECT count(words) FROM notes"), 10, "two phases are committed");
    // The older app is kept out of the state in between.
    assert_eq!(Migrator::new(&history(&THREE[..1])).run(&mut db).unwrap_err().code(), Code::DatabaseNewer);
    db.execute_batch("UPDATE notes SET body = id").unwrap();
    let upgrade = Migrator::new(&two).run(&mut db).unwrap();
    assert_eq!((upgrade.kind, upgrade.to), (UpgradeKind::Upgraded, 2));
    assert_eq!(Migrator::new(&two).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
}
