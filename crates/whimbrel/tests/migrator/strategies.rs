//! Auto-alter and drop-and-recreate, with rows.

use rusqlite::Connection;
use whimbrel::{Code, Migrator, Schema, State, UpgradeKind};

use super::support::{one, tables};

fn schema(sql: &str) -> Schema {
    Schema::from_sql(sql).unwrap()
}

const V1: &str = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, old TEXT);
    CREATE TABLE tags(note INTEGER REFERENCES notes(id), tag TEXT);
    CREATE VIEW bodies AS SELECT body FROM notes;";
const V2: &str = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE tags(note INTEGER REFERENCES notes(id), tag TEXT);
    CREATE VIEW bodies AS SELECT upper(body) AS body FROM notes;
    CREATE TABLE more(a);";

#[test]
fn auto_alter_keeps_rows_and_refuses_what_would_lose_some() {
    let mut db = Connection::open_in_memory().unwrap();
    let (one_, two) = (schema(V1), schema(V2));
    let created = Migrator::auto_alter(&one_)
        .on_create(|tx| {
            tx.execute("INSERT INTO notes(body, old) VALUES ('first', 'x')", [])?;
            Ok(())
        })
        .run(&mut db)
        .unwrap();
    assert_eq!(created.kind, UpgradeKind::Created);
    let again = Migrator::auto_alter(&one_).on_create(|_| Err("again".into())).run(&mut db).unwrap();
    assert_eq!(again.kind, UpgradeKind::Unchanged);

    let error = Migrator::auto_alter(&two).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::DataLoss, State::Unchanged), "{error}");
    let upgrade = Migrator::auto_alter(&two).accept_data_loss(true).run(&mut db).unwrap();
    assert_eq!(upgrade.kind, UpgradeKind::Upgraded);
    assert_eq!(one::<String>(&db, "SELECT body FROM bodies"), "FIRST");
    assert_eq!(Migrator::auto_alter(&two).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);

    // By hand: noticed, and put right without a loss.
    db.execute_batch("DROP VIEW bodies").unwrap();
    assert_eq!(Migrator::auto_alter(&two).run(&mut db).unwrap().kind, UpgradeKind::Upgraded);
    assert_eq!(one::<String>(&db, "SELECT body FROM bodies"), "FIRST");
}

#[test]
fn auto_alter_takes_over_a_database_that_was_there() {
    let mut db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT); INSERT INTO notes(body) VALUES ('kept')")
        .unwrap();
    let target = schema("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, at INTEGER)");
    let upgrade = Migrator::auto_alter(&target).on_create(|_| Err("it is not new".into())).run(&mut db).unwrap();
    assert_eq!(upgrade.kind, UpgradeKind::Upgraded);
    assert_eq!(one::<String>(&db, "SELECT body FROM notes WHERE at IS NULL"), "kept");
}

/// The step of a new database failed, or the process ended before it: the next start does it.
#[test]
fn a_new_database_is_complete_or_will_be() {
    let mut db = Connection::open_in_memory().unwrap();
    let target = schema("CREATE TABLE notes(body TEXT)");
    let error = Migrator::auto_alter(&target).on_create(|_| Err("not yet".into())).run(&mut db).unwrap_err();
    assert_eq!(error.code(), Code::AppStep);
    let made = Migrator::auto_alter(&target)
        .on_create(|tx| {
            tx.execute("INSERT INTO notes VALUES ('welcome')", [])?;
            Ok(())
        })
        .run(&mut db)
        .unwrap();
    assert_eq!(made.kind, UpgradeKind::Created);
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM notes"), 1);
}

#[test]
fn a_disposable_database_is_made_anew_where_it_differs_and_filled_again() {
    let mut db = Connection::open_in_memory().unwrap();
    let (one_, two) = (schema(V1), schema(V2));
    Migrator::disposable(&one_).run(&mut db).unwrap();
    db.execute_batch("INSERT INTO notes(body) VALUES ('cached'); INSERT INTO tags VALUES (1, 'kept')").unwrap();

    // The rows of `tags` refer to rows that would be gone.
    let error = Migrator::disposable(&two).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::RowsDoNotFit, State::RolledBack), "{error}");
    let error = Migrator::disposable(&two).refill(|_, _| Err("offline".into())).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::AppStep, State::RolledBack), "{error}");
    assert_eq!(one::<String>(&db, "SELECT body FROM bodies"), "cached");

    let mut filled = Vec::new();
    let upgrade = Migrator::disposable(&two)
        .refill(|tx, table| {
            filled.push(table.to_owned());
            if table == "notes" {
                tx.execute("INSERT INTO notes VALUES (1, 'from the server')", [])?;
            }
            Ok(())
        })
        .run(&mut db)
        .unwrap();
    assert_eq!(upgrade.kind, UpgradeKind::Upgraded);
    assert_eq!(filled, ["notes", "more"]);
    assert_eq!(one::<String>(&db, "SELECT body FROM bodies"), "FROM THE SERVER");
    assert_eq!(one::<String>(&db, "SELECT tag FROM tags"), "kept");
    assert_eq!(tables(&db), ["more", "notes", "tags"]);
    assert_eq!(Migrator::disposable(&two).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
}

#[test]
fn a_database_with_rows_of_its_own_is_never_emptied() {
    let mut db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE precious(a); INSERT INTO precious VALUES (1)").unwrap();
    let error = Migrator::disposable(&schema(V1)).run(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::NotDisposable, State::Unchanged));
    assert_eq!(one::<i64>(&db, "SELECT a FROM precious"), 1);
}

/// An app that keeps a number of its own in `user_version`: a start with nothing to do writes nothing all the same.
#[test]
fn an_unchanged_start_writes_nothing_whoever_has_the_header() {
    let folder = tempfile::tempdir().unwrap();
    let target = schema("CREATE TABLE notes(body TEXT)");
    for disposable in [false, true] {
        let path = folder.path().join(format!("{disposable}.db"));
        let mut db = Connection::open(&path).unwrap();
        db.pragma_update(None, "user_version", 7).unwrap();
        db.execute_batch("CREATE TABLE _sqlx_migrations(version); DROP TABLE _sqlx_migrations").unwrap();
        let start = |db: &mut Connection| match disposable {
            true => Migrator::disposable(&target).run(db).unwrap().kind,
            false => Migrator::auto_alter(&target).run(db).unwrap().kind,
        };
        assert_eq!(start(&mut db), UpgradeKind::Created);
        let before = std::fs::read(&path).unwrap();
        assert_eq!(start(&mut db), UpgradeKind::Unchanged);
        assert!(before == std::fs::read(&path).unwrap());
        assert_eq!(one::<i64>(&db, "PRAGMA user_version"), 7);
    }
}

/// Indexes, views and triggers are made anew with their tables, and an index on a table that keeps its rows by itself.
#[test]
fn a_disposable_database_has_all_that_is_declared() {
    let declared = |more: &str| {
        schema(&format!(
            "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT{more});
             CREATE TABLE tags(note INTEGER, tag TEXT, at INTEGER);
             CREATE INDEX by_body ON notes(body);
             CREATE UNIQUE INDEX by_tag ON tags(note, tag);
             CREATE VIEW bodies AS SELECT body FROM notes;
             CREATE TRIGGER cleaned AFTER DELETE ON notes BEGIN DELETE FROM tags WHERE note = old.id; END;"
        ))
    };
    let mut db = Connection::open_in_memory().unwrap();
    let before = schema(
        "CREATE TABLE notes(id INTEGER PRIMARY KEY); CREATE TABLE tags(note INTEGER, tag TEXT, at INTEGER);
                         CREATE INDEX at ON tags(at); CREATE INDEX by_tag ON tags(tag)",
    );
    Migrator::disposable(&before).run(&mut db).unwrap();
    db.execute_batch("INSERT INTO tags VALUES (1, 'kept', 3)").unwrap();
    for target in [declared(""), declared(", more")] {
        let upgrade = Migrator::disposable(&target).run(&mut db).unwrap();
        assert_eq!((upgrade.kind, upgrade.applied), (UpgradeKind::Upgraded, vec![("notes".to_owned(), 0)]));
        let names = "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE type <> 'table'
                     AND name NOT LIKE 'sqlite%' ORDER BY name)";
        assert_eq!(one::<String>(&db, names), "bodies,by_body,by_tag,cleaned");
        assert_eq!(one::<String>(&db, "SELECT tag FROM tags"), "kept");
        assert_eq!(Migrator::disposable(&target).run(&mut db).unwrap().kind, UpgradeKind::Unchanged);
    }
}

/// SQLite refuses to check a key that refers to nothing unique. It is declared so, and that is no reason to fail.
#[test]
fn a_disposable_database_with_a_key_that_cannot_be_checked_is_made_all_the_same() {
    let mut db = Connection::open_in_memory().unwrap();
    let target = schema("CREATE TABLE p(a, b); CREATE TABLE c(a REFERENCES p(b));");
    assert_eq!(Migrator::disposable(&target).run(&mut db).unwrap().kind, UpgradeKind::Created);
}
