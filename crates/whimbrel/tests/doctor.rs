//! What the doctor finds, each in the smallest database that has it, and that it finds nothing in a sound one.

#[path = "support/host.rs"]
mod host;

use host::Host;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use whimbrel::run::{self, FailureKind, block_on};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Code, Finding, Severity, doctor};

fn database(sql: &str) -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, true).unwrap();
    db.execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}")).unwrap();
    db
}

fn lines(findings: &[Finding]) -> Vec<String> {
    let line = |f: &Finding| format!("{} {} {}: {}", f.code, f.severity.as_str(), f.object, f.message);
    findings.iter().map(line).collect()
}

#[track_caller]
fn finds(sql: &str, expected: &[&str]) {
    let mut db = database(sql);
    let found = lines(&doctor(&mut db).unwrap());
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(|(found, start)| found.starts_with(start)),
        "{sql}\n{found:#?}"
    );
}

/// Sets the text of an object in the catalogue.
fn say(name: &str, sql: &str) -> String {
    format!(
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = '{sql}' WHERE name = '{name}';
         PRAGMA writable_schema = OFF;"
    )
}

#[test]
fn a_sound_database_has_nothing() {
    finds(
        "CREATE TABLE p(id INTEGER PRIMARY KEY, a TEXT CHECK (a <> 'x') COLLATE NOCASE);
         CREATE TABLE by_key(p INTEGER REFERENCES p(id), n, PRIMARY KEY (p, n));
         CREATE TABLE by_unique(p INTEGER REFERENCES p(id), n, UNIQUE (p, n));
         CREATE TABLE by_index(p INTEGER REFERENCES p(id), n); CREATE INDEX by_index_p ON by_index(p, n);
         CREATE INDEX quoted ON p(\"a\") WHERE a <> 'nope'; CREATE VIRTUAL TABLE words USING fts5(a);
         CREATE VIEW v AS SELECT a FROM p; CREATE TRIGGER t AFTER UPDATE OF a ON p BEGIN SELECT 1; END;
         INSERT INTO p VALUES (1, 'a'); INSERT INTO by_key VALUES (1, 1);",
        &[],
    );
}

#[test]
fn rows_and_keys() {
    let start = "CREATE TABLE p(id INTEGER PRIMARY KEY, a); CREATE TABLE c(p INTEGER UNIQUE REFERENCES p(id));";
    finds(
        &format!("{start} INSERT INTO c VALUES (1);"),
        &["D02 error c: 1 row refers to p, where there is no such row"],
    );
    finds(
        &format!("{start} INSERT INTO c VALUES (1), (2);"),
        &["D02 error c: 2 rows refer to p, where there is no such row"],
    );
    // A key that refers to nothing unique, and one that refers to nothing.
    finds("CREATE TABLE p(a); CREATE TABLE c(a UNIQUE REFERENCES p(a));", &["D03 error c: foreign key mismatch"]);
    finds(
        "CREATE TABLE c(a UNIQUE REFERENCES nobody(a));",
        &["D03 error c: its foreign key refers to nobody, which does not exist"],
    );
    // An index that starts with another column, or that is on another table, helps no delete.
    let missing = "D11 warning c: foreign key (p) has no index";
    for sql in [
        "CREATE TABLE c(p REFERENCES p(id), n, PRIMARY KEY (n, p));",
        "CREATE TABLE c(p REFERENCES p(id), n, UNIQUE (n, p));",
        "CREATE TABLE c(p REFERENCES p(id), n); CREATE INDEX i ON c(n, p);",
        "CREATE TABLE c(p REFERENCES p(id), n); CREATE TABLE d(p); CREATE INDEX i ON d(p);",
    ] {
        finds(&format!("CREATE TABLE p(id INTEGER PRIMARY KEY); {sql}"), &[missing]);
    }
    finds(
        "CREATE TABLE t(a CHECK (a > 0), b NOT NULL); PRAGMA ignore_check_constraints = ON;
         INSERT INTO t VALUES (-1, 1); PRAGMA ignore_check_constraints = OFF;",
        &["D01 error : CHECK constraint failed in t"],
    );
}

#[test]
fn views_and_triggers() {
    finds(
        "CREATE TABLE t(a); CREATE VIEW good AS SELECT a FROM t; CREATE VIEW bad AS SELECT b FROM t;
         CREATE TRIGGER fine AFTER INSERT ON t BEGIN SELECT a FROM t; END;
         CREATE TRIGGER broken AFTER DELETE ON t BEGIN DELETE FROM nobody; END;",
        &[
            "D04 error bad: this view is broken: no such column: b",
            "D05 error broken: this trigger is broken: no such table",
        ],
    );
}

/// SQLite said where in the statement the mistake is, and that was taken for a failure of another kind: the trigger was not
/// told.
#[test]
fn a_trigger_on_a_column_that_is_not_there() {
    for strings in [true, false] {
        let mut db = database("CREATE TABLE t(a); CREATE TRIGGER g AFTER UPDATE OF nope ON t BEGIN SELECT 1; END;");
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, strings).unwrap();
        let found = lines(&doctor(&mut db).unwrap());
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].starts_with("D05 error g: this trigger is broken: no such column"), "{found:#?}");
    }
}

/// What comes first is worse than what comes after it.
#[test]
fn errors_come_before_warnings() {
    finds(
        "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p(id)); CREATE VIEW bad AS SELECT b FROM c;
         PRAGMA synchronous = OFF;",
        &["D04 error bad", "D11 warning c", "D09 warning : synchronous is OFF"],
    );
    assert!(Severity::Error > Severity::Warning);
}

/// SQLite takes a word in double quotes for a string where there is no such column. Only such words are told.
#[test]
fn strings_in_double_quotes() {
    let says = "D08 warning t: \"nope\" is no column here, and SQLite takes it for a string";
    for table in [
        "CREATE TABLE t(a CHECK (a <> \"nope\"));",
        "CREATE TABLE t(a, b AS (a || \"nope\"));",
        "CREATE TABLE t(a, CHECK (\"a\" <> \"nope\" AND a <> 'other'));",
    ] {
        finds(table, &[says]);
    }
    let of_index = says.replace("warning t", "warning i");
    for index in ["i ON t(a || \"nope\")", "i ON t(a) WHERE a <> \"nope\"", "i ON t(a, \"nope\")"] {
        finds(&format!("CREATE TABLE t(a); CREATE INDEX {index};"), &[&of_index]);
    }
    for sound in ["CHECK (a <> 'nope')", "CHECK (\"A\" <> [b])", "CHECK (a <> 'b' AND \"A\" <> 'c')"] {
        finds(&format!("CREATE TABLE t(a, b, {sound});"), &[]);
    }
}

/// A column in double quotes was told to be a string where a string of the same letters stood beside it.
#[test]
fn a_column_in_double_quotes_beside_a_string_of_its_name() {
    finds("CREATE TABLE t(a, b, CHECK (\"a\" <> 'a'), CHECK (a <> 'b' AND \"b\" <> 'c'));", &[]);
    finds(
        "CREATE TABLE t(a, CHECK (\"nope\" <> 'nope'));",
        &["D08 warning t: \"nope\" is no column here, and SQLite takes it for a string"],
    );
}

#[test]
fn settings() {
    finds("PRAGMA synchronous = OFF", &["D09 warning : synchronous is OFF"]);
    finds("PRAGMA writable_schema = ON", &["D09 warning : writable_schema is ON"]);
    finds("PRAGMA ignore_check_constraints = ON", &["D09 warning : CHECK constraints are ignored"]);
    // In memory there is nothing to lose by a journal that is not on the disk.
    finds("PRAGMA journal_mode = OFF", &[]);
    let folder = tempfile::tempdir().unwrap();
    for (mode, said) in [
        ("off", vec!["D09 warning : journal_mode is OFF: a crash can damage the database"]),
        ("memory", vec!["D09 warning : journal_mode is MEMORY: a crash can damage the database"]),
        ("delete", vec![]),
        ("wal", vec![]),
    ] {
        let mut db = Connection::open(folder.path().join("app.db")).unwrap();
        db.execute_batch("CREATE TABLE IF NOT EXISTS t(a)").unwrap();
        db.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(())).unwrap();
        assert_eq!(lines(&doctor(&mut db).unwrap()), said);
    }
}

/// What an app registers, and this program has not: the check stops there, and what it stopped at is told by its name.
#[test]
fn what_is_not_registered() {
    let made = |sql: &str| {
        let db = database("");
        db.create_collation("local", |a, b| a.cmp(b)).unwrap();
        db.execute_batch(sql).unwrap();
        db.remove_collation("local").unwrap();
        db
    };
    for (sql, object) in [
        ("CREATE TABLE t(a COLLATE local); INSERT INTO t VALUES ('a')", "t"),
        ("CREATE TABLE t(a); CREATE INDEX i ON t(a COLLATE local)", "i"),
        ("CREATE TABLE t(a, UNIQUE (a COLLATE local))", "t"),
    ] {
        let found = lines(&doctor(&mut made(sql)).unwrap());
        let expected = format!("D07 warning {object}: collation local is not registered");
        assert!(found.contains(&expected), "{sql}: {found:#?}");
        assert!(
            found.iter().all(|line| *line == expected || line.starts_with("D01 warning : the integrity check stopped"))
        );
    }
    let stopped =
        lines(&doctor(&mut made("CREATE TABLE t(a COLLATE local UNIQUE); INSERT INTO t VALUES ('a'), ('b')")).unwrap());
    assert!(stopped[0].starts_with("D01 warning : the integrity check stopped"), "{stopped:#?}");

    let mut db = database("CREATE TABLE t(a)");
    let ghost = "INSERT INTO sqlite_schema VALUES ('table', 'ghost', 'ghost', 0, 'CREATE VIRTUAL TABLE ghost USING nowhere(a)')";
    db.execute_batch(&format!("PRAGMA writable_schema = ON; {ghost}; PRAGMA writable_schema = OFF;")).unwrap();
    let found = lines(&doctor(&mut db).unwrap());
    assert_eq!(found, ["D06 warning ghost: module nowhere is not loaded: the table can neither be read nor dropped"]);
}

#[test]
fn a_text_in_the_catalogue_that_is_none() {
    let mut db = database(&format!("CREATE TABLE t(a); CREATE TABLE u(a); {}", say("t", "CREATE TABLE t nonsense")));
    let findings = doctor(&mut db).unwrap();
    let found = findings.iter().find(|f| f.code == "D10").unwrap_or_else(|| panic!("{findings:#?}"));
    assert_eq!((found.severity, found.object.as_str()), (Severity::Error, "t"));
}

/// A question that fails is an answer where that says something of the database, and an error where it does not: a database
/// that could not be asked is not sound.
#[test]
fn a_question_that_fails_is_no_good_news() {
    let sql = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p UNIQUE REFERENCES p(id));
               CREATE VIRTUAL TABLE words USING fts5(a);";
    let ask = |start: &'static str, kind: FailureKind| {
        let mut host = Host::new(Sqlite::owned(database(sql)), |_, sql| sql.starts_with(start).then_some(Err(kind)));
        block_on(run::doctor(&mut host)).map(|findings| lines(&findings)).map_err(|e| e.code())
    };
    let (integrity, keys) = ("PRAGMA main.integrity_check", "SELECT parent, count(*) FROM pragma_foreign_key_check");
    assert_eq!(ask(integrity, FailureKind::Statement).unwrap(), ["D01 warning : the integrity check stopped: planted"]);
    assert_eq!(ask(integrity, FailureKind::Damaged).unwrap(), ["D01 error : planted"]);
    assert_eq!(ask(integrity, FailureKind::Busy), Err(Code::Busy));
    assert_eq!(ask(integrity, FailureKind::Other), Err(Code::Database));
    assert_eq!(ask(keys, FailureKind::Statement).unwrap(), ["D03 error c: planted"]);
    assert_eq!(ask(keys, FailureKind::Other), Err(Code::Database));
    assert_eq!(ask(keys, FailureKind::Damaged), Err(Code::Damaged));
    // Older versions have no such list.
    let modules = "SELECT name FROM pragma_module_list";
    assert_eq!(ask(modules, FailureKind::Statement).unwrap(), [""; 0]);
    assert_eq!(ask(modules, FailureKind::Other), Err(Code::Database));
    assert_eq!(
        ask("SELECT type, name, tbl_name, sql FROM main.sqlite_master", FailureKind::Other),
        Err(Code::Database)
    );
}
