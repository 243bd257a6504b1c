//! What is kept out of sight by a pattern is still there: declared views may read it, and it may read what changes.

use whimbrel::{Code, Planner, Schema};

fn database(sql: &str) -> rusqlite::Connection {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch(sql).unwrap();
    db
}

#[test]
fn a_declared_view_reads_a_table_out_of_sight() {
    for legacy in [
        "CREATE TABLE legacy(x)",
        "CREATE VIRTUAL TABLE legacy USING fts5(x)",
        "CREATE TABLE legacy_rows(x); CREATE VIEW legacy AS SELECT x FROM legacy_rows;
         CREATE TRIGGER legacy_insert INSTEAD OF INSERT ON legacy BEGIN INSERT INTO legacy_rows VALUES (new.x); END",
    ] {
        let mut db = database(&format!("CREATE TABLE t(a); {legacy}; INSERT INTO legacy VALUES (2);"));
        let schema = Schema::from_sql("CREATE TABLE t(a); CREATE VIEW v AS SELECT x FROM legacy;").unwrap();
        Planner::new(&schema).ignore("legacy*").push(&mut db).unwrap();
        let x: i64 = db.query_row("SELECT x + 0 FROM v", [], |row| row.get(0)).unwrap();
        assert_eq!(x, 2, "{legacy}");
    }
}

/// A dropped table once broke views, triggers and foreign keys out of sight without a word.
#[test]
fn what_is_out_of_sight_is_not_broken_without_a_word() {
    let mut db = database(
        "CREATE TABLE t(a PRIMARY KEY, b); CREATE TABLE z(q);
         CREATE TABLE legacy(x); CREATE VIEW legacy_view AS SELECT a FROM t;
         CREATE TRIGGER legacy_trigger AFTER INSERT ON legacy BEGIN UPDATE t SET b = 1; END;",
    );
    let schema = Schema::from_sql("CREATE TABLE z(q);").unwrap();
    let mut planner = Planner::new(&schema).ignore("legacy*").accept_data_loss(true);
    let plan = planner.plan(&mut db).unwrap();
    let warnings = plan.warnings.join("\n");
    assert!(warnings.contains("legacy_view") && warnings.contains("legacy_trigger"), "{warnings}");
}

#[test]
fn rows_out_of_sight_keep_their_parents() {
    let mut db = database(
        "CREATE TABLE t(a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);
         CREATE TABLE legacy(x REFERENCES t(a)); INSERT INTO legacy VALUES (1); CREATE TABLE z(q);",
    );
    let schema = Schema::from_sql("CREATE TABLE z(q);").unwrap();
    let error = Planner::new(&schema).ignore("legacy*").accept_data_loss(true).push(&mut db).unwrap_err();
    assert_eq!(error.code(), Code::RowsDoNotFit, "{error}");
    let rows: i64 = db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
}

#[test]
fn a_name_out_of_sight_is_taken() {
    let mut db = database("CREATE TABLE t(a); CREATE TABLE legacy(x); CREATE INDEX i ON legacy(x);");
    let schema = Schema::from_sql("CREATE TABLE t(a); CREATE INDEX i ON t(a);").unwrap();
    let error = Planner::new(&schema).ignore("legacy").push(&mut db).unwrap_err();
    assert_eq!((error.code(), error.report().state), (Code::DeclaredTwice, whimbrel::State::Unchanged), "{error}");
}
