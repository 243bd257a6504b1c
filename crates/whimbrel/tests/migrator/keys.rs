//! Foreign keys around scripts: keys are off while migrations run, and what is found afterwards is held against what was
//! there before, table by table.

use rusqlite::Connection;
use whimbrel::{Code, Error, Migrator, State, Upgrade};

use super::support::{history, one};

const START: &str = "CREATE TABLE team(id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE person(id INTEGER PRIMARY KEY, team INTEGER REFERENCES team(id));
    CREATE TABLE guest(id INTEGER PRIMARY KEY, team INTEGER REFERENCES team(id));
    CREATE TABLE diary(n);
    CREATE TRIGGER lost_person AFTER INSERT ON diary BEGIN
        INSERT INTO person(team) VALUES (new.n);
    END;
    CREATE TABLE log(n);
    CREATE TRIGGER all_gone AFTER INSERT ON log WHEN new.n = 13 BEGIN
        DELETE FROM team;
        DELETE FROM guest;
    END;";

/// Runs a script on a database in which two persons have no team.
fn run(script: &str) -> (Connection, Result<Upgrade, Error>) {
    let two = history(&[START, script]);
    let mut db = Connection::open_in_memory().unwrap();
    Migrator::new(&two.up_to(1)).run(&mut db).unwrap();
    db.execute_batch(
        "PRAGMA foreign_keys = OFF; INSERT INTO person VALUES (1, 98), (2, 99); PRAGMA foreign_keys = ON;
         INSERT INTO team VALUES (1, 'a'); INSERT INTO person VALUES (3, 1); INSERT INTO guest VALUES (1, 1);",
    )
    .unwrap();
    let outcome = Migrator::new(&two).run(&mut db);
    (db, outcome)
}

#[track_caller]
fn refused(script: &str, says: &str) {
    let (db, outcome) = run(script);
    let error = outcome.expect_err(script);
    assert_eq!((error.code(), error.report().state), (Code::RowsDoNotFit, State::RolledBack), "{error}");
    assert!(error.to_string().contains(says), "{error}");
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM person"), 3);
}

#[track_caller]
fn done(script: &str, warnings: &[&str]) {
    let (_, outcome) = run(script);
    assert_eq!(outcome.unwrap().warnings, warnings, "{script}");
}

#[test]
fn new_orphans_are_told_from_old_ones() {
    refused("DELETE FROM team; DELETE FROM guest;", "1 row refers from person");
    refused("UPDATE person SET team = 97; DELETE FROM guest;", "1 row refers from person");
    refused("UPDATE guest SET team = 97;", "1 row refers from guest");
    refused("INSERT INTO person(team) VALUES (95), (96);", "2 rows refer from person");
    // By triggers, which no script names.
    refused("INSERT INTO diary VALUES (96);", "1 row refers from person");
    refused("INSERT INTO log VALUES (13);", "1 row refers from person");
    done("UPDATE person SET id = id + 10;", &["person has 2 rows without a parent, as before"]);
    done("DELETE FROM person WHERE id = 2;", &["person has 1 row without a parent, as before"]);
    done("DELETE FROM person; DELETE FROM guest; DELETE FROM team;", &[]);
    done("UPDATE guest SET id = 7;", &[]);
}

/// Old orphans go with their table where it gets another name. They excuse nobody else's.
#[test]
fn old_orphans_keep_their_table_company() {
    let rename = "ALTER TABLE person RENAME TO member; UPDATE member SET id = id + 10;";
    done(rename, &["member has 2 rows without a parent, as before"]);
    refused(&format!("{rename} INSERT INTO member(team) VALUES (96);"), "1 row refers from member");
    refused(&format!("{rename} UPDATE guest SET team = 97;"), "1 row refers from guest");
    let both = format!("{rename} ALTER TABLE guest RENAME TO visitor; UPDATE visitor SET team = 97;");
    refused(&both, "1 row refers from");
}

/// SQLite refuses to check a key that refers to nothing unique: that is told, and is no reason to fail.
#[test]
fn a_key_that_cannot_be_checked_is_told() {
    let two = history(&["CREATE TABLE p(a, b); CREATE TABLE c(a REFERENCES p(b));", "INSERT INTO c VALUES (1);"]);
    let mut db = Connection::open_in_memory().unwrap();
    Migrator::new(&two.up_to(1)).run(&mut db).unwrap();
    let upgrade = Migrator::new(&two).run(&mut db).unwrap();
    assert_eq!(upgrade.warnings.len(), 1, "{upgrade:?}");
    assert!(
        upgrade.warnings[0].starts_with("foreign keys of c cannot be checked: foreign key mismatch"),
        "{upgrade:?}"
    );
}
