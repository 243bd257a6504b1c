use rusqlite::Connection;
use whimbrel::history::Snapshot;
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
    // What has run cannot be changed any more, and what is still to come can: a release corrects it.
    let rewritten = history(&[THREE[0], &script.replace("LIMIT 3", "LIMIT 4")]);
    assert_eq!(Migrator::new(&rewritten).run(&mut db).unwrap_err().code(), Code::MigrationEdited);
    let corrected =
        history(&[THREE[0], &script.replace("CREATE UNIQUE INDEX", "UPDATE notes SET body = id; CREATE UNIQUE INDEX")]);
    let upgrade = Migrator::new(&corrected).run(&mut db).unwrap();
    assert_eq!((upgrade.kind, upgrade.to), (UpgradeKind::Upgraded, 2));
    assert_eq!(Migrator::new(&corrected).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
}

/// Two files that say the same are two migrations.
#[test]
fn migrations_with_the_same_text_are_told_apart() {
    let same = "-- nothing yet\n";
    let three = history(&[
        THREE[0],
        same,
        same,
        "INSERT INTO notes(body) VALUES ('x');",
        "INSERT INTO notes(body) VALUES ('x');",
    ]);
    let mut db = Connection::open_in_memory().unwrap();
    for version in 1..=5 {
        let upgrade = Migrator::new(&three.up_to(version)).run(&mut db).unwrap();
        assert_eq!((upgrade.to, upgrade.applied.len()), (version, 1));
        assert_eq!(Migrator::new(&three.up_to(version)).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
    }
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM notes"), 2);
}

#[test]
fn an_upgrade_can_be_cancelled_and_tells_what_it_does() {
    use whimbrel::{Cancel, Event};
    let mut db = Connection::open_in_memory().unwrap();
    let three = history(&THREE);
    Migrator::new(&three.up_to(1)).run(&mut db).unwrap();
    let cancel = Cancel::default();
    let mut stop = |event: &Event<'_>| {
        if matches!(event, Event::Migration { number: 2, .. }) {
            cancel.cancel();
        }
    };
    let error = Migrator::new(&three).cancel(&cancel).observer(&mut stop).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::Cancelled, State::RolledBack));
    let mut told = Vec::new();
    let mut observer = |event: &Event<'_>| match event {
        Event::UpgradeStarted { from, to, migrations } => told.push(format!("{migrations} from {from} to {to}")),
        Event::Migration { number, of, name, statements } => told.push(format!("{number}/{of} {name}: {statements}")),
        Event::Committed => told.push("committed".to_owned()),
        Event::Upgraded { from, to } => told.push(format!("{from} is {to}")),
        _ => {}
    };
    Migrator::new(&three).observer(&mut observer).run(&mut db).unwrap();
    assert_eq!(told, ["2 from 1 to 3", "1/2 0002_m2: 1", "2/2 0003_m3: 2", "committed", "1 is 3"]);
}

/// Rows that migrations themselves put in are in every database, also in one that is new.
#[test]
fn a_snapshot_is_used_only_where_it_holds_everything() {
    let snapshot = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT); CREATE INDEX i ON notes(body);";
    let snapshot = Snapshot::of(&whimbrel::Schema::from_sql(snapshot).unwrap());
    let scripts = [THREE[0], "CREATE INDEX i ON notes(body);"];
    for seeds in [false, true] {
        let mut migrations = history(&scripts).migrations.to_vec();
        migrations[1].seeds = seeds;
        let known = whimbrel::History::new(migrations, Some(snapshot.clone()));
        let mut ran = 0;
        let mut db = Connection::open_in_memory().unwrap();
        let upgrade = Migrator::new(&known)
            .after(2, |_| {
                ran += 1;
                Ok(())
            })
            .run(&mut db)
            .unwrap();
        assert_eq!((upgrade.kind, upgrade.from, upgrade.to), (UpgradeKind::Created, 0, 2));
        assert_eq!(ran, i32::from(seeds), "a database from the snapshot takes no steps");
        assert_eq!(Migrator::new(&known).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
        assert_eq!(one::<i64>(&db, "SELECT count(*) FROM _whimbrel_migrations"), 2);
    }
}

/// Foreign keys are off while migrations run, and what they leave is checked against what was there.
#[test]
fn new_orphans_fail_an_upgrade_and_old_ones_do_not() {
    let mut db = Connection::open_in_memory().unwrap();
    let three = history(&THREE);
    Migrator::new(&three).run(&mut db).unwrap();
    db.execute_batch(
        "PRAGMA foreign_keys = OFF; INSERT INTO tags VALUES (99, 'orphan'); PRAGMA foreign_keys = ON;
         INSERT INTO notes(id, body) VALUES (1, 'a'); INSERT INTO tags VALUES (1, 'b');",
    )
    .unwrap();
    let careless = history(&[THREE[0], THREE[1], THREE[2], "DELETE FROM notes;"]);
    let error = Migrator::new(&careless).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::RowsDoNotFit, State::RolledBack), "{error}");
    let careful = history(&[THREE[0], THREE[1], THREE[2], "DELETE FROM tags WHERE note = 1; DELETE FROM notes;"]);
    let upgrade = Migrator::new(&careful).run(&mut db).unwrap();
    assert_eq!(upgrade.warnings, ["tags has 1 row without a parent, as before"]);
    assert_eq!(one::<i64>(&db, "PRAGMA foreign_keys"), 1);
}

/// What cannot run in a transaction runs by itself; one that is stopped in the middle is gone on with.
#[test]
fn a_migration_without_a_transaction_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let mut db = Connection::open(folder.path().join("app.db")).unwrap();
    let script = "-- whimbrel: no-transaction\nCREATE INDEX IF NOT EXISTS i ON notes(body);\n\
                  CREATE UNIQUE INDEX IF NOT EXISTS u ON notes(body);\nVACUUM;";
    let three = history(&[THREE[0], script, THREE[1]]);
    Migrator::new(&three.up_to(1)).run(&mut db).unwrap();
    db.execute_batch("INSERT INTO notes(body) VALUES ('same'), ('same')").unwrap();
    let mut steps = 0;
    let error = Migrator::new(&three)
        .before(2, |_| {
            steps += 1;
            Ok(())
        })
        .run(&mut db)
        .unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::RowsDoNotFit, State::Begun), "{error}");
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM sqlite_schema WHERE name = 'i'"), 1, "the index stays");
    db.execute_batch("UPDATE notes SET body = id").unwrap();
    let upgrade = Migrator::new(&three).before(2, |_| Err("it has run already".into())).run(&mut db).unwrap();
    assert_eq!((upgrade.kind, upgrade.from, upgrade.to), (UpgradeKind::Upgraded, 1, 3));
    assert_eq!(steps, 1);
    assert_eq!(Migrator::new(&three).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
}

/// A script may call what only the app's own connection knows.
#[test]
fn functions_of_the_app_are_there() {
    use rusqlite::functions::FunctionFlags;
    let mut db = Connection::open_in_memory().unwrap();
    db.create_scalar_function(
        "shout",
        1,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        |context| Ok(context.get::<String>(0)?.to_uppercase()),
    )
    .unwrap();
    let two = history(&[THREE[0], "UPDATE notes SET body = shout(body);"]);
    Migrator::new(&two.up_to(1)).run(&mut db).unwrap();
    db.execute_batch("INSERT INTO notes(body) VALUES ('a')").unwrap();
    let upgrade = Migrator::new(&two).run(&mut db).unwrap();
    assert_eq!(one::<String>(&db, "SELECT body FROM notes"), "A");
    assert_eq!(upgrade.warnings.len(), 1, "{upgrade:?}");
    let error = Migrator::new(&two).run(&mut Connection::open_in_memory().unwrap()).unwrap_err();
    assert!(error.to_string().contains("register it on the connection"), "{error}");
}

/// Text for text most objects are as in the snapshot, and need no reading; those that are not may need one that is.
#[test]
fn what_is_spelled_otherwise_than_in_the_snapshot_is_the_same() {
    let start = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);";
    let search = "CREATE VIRTUAL TABLE words USING fts5(body);";
    let index =
        "CREATE INDEX \"i\" ON \"notes\"(body);\nCREATE TRIGGER \"t\" AFTER INSERT ON \"notes\" BEGIN SELECT 1; END;";
    let declared = format!(
        "{start}{search} CREATE INDEX i ON notes(body); CREATE TRIGGER t AFTER INSERT ON notes BEGIN SELECT 1; END;"
    );
    let snapshot = Snapshot::of(&whimbrel::Schema::from_sql(&declared).unwrap());
    let migrations = history(&[start, search, index]).migrations.to_vec();
    let known = whimbrel::History::new(migrations, Some(snapshot));
    let mut db = Connection::open_in_memory().unwrap();
    Migrator::new(&known.up_to(2)).run(&mut db).unwrap();
    assert_eq!(Migrator::new(&known).run(&mut db).unwrap().kind, UpgradeKind::Upgraded);
    // By hand: one more is told, and one that is missing is refused.
    db.execute_batch("CREATE INDEX by_hand ON notes(id)").unwrap();
    let upgrade = Migrator::new(&known).run(&mut db).unwrap();
    assert_eq!(upgrade.warnings, ["index by_hand is in the database, and no migration makes it"]);
    db.execute_batch("DROP INDEX \"i\"").unwrap();
    let error = Migrator::new(&known).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::Drift, State::Unchanged), "{error}");
    assert!(error.to_string().contains("index i is missing"), "{error}");
}

#[test]
fn children_of_a_parent_that_goes_are_looked_after() {
    let start = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p(id));";
    for script in ["DROP TABLE p;", "ALTER TABLE p RENAME TO old; CREATE TABLE p2(id); DROP TABLE old;"] {
        let two = history(&[start, script]);
        let mut db = Connection::open_in_memory().unwrap();
        Migrator::new(&two.up_to(1)).run(&mut db).unwrap();
        db.execute_batch("INSERT INTO p VALUES (1); INSERT INTO c VALUES (1);").unwrap();
        let outcome = Migrator::new(&two).run(&mut db);
        let (parents, children): (i64, i64) = (one(&db, "SELECT count(*) FROM p"), one(&db, "SELECT count(*) FROM c"));
        assert_eq!((parents, children), (1, 1), "{script}");
        assert_eq!(outcome.unwrap_err().report().state, State::RolledBack, "{script}");
    }
}
