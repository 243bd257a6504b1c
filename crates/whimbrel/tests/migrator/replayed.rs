//! A history run on an empty database: the schema that it makes, and whether a new database can do without its rows.

use rusqlite::Connection;
use whimbrel::run::{Replayed, block_on, replay};
use whimbrel::sqlite_host::Sqlite;

use super::support::history;

fn replayed(scripts: &[&str]) -> Replayed {
    let mut host = Sqlite::owned(Connection::open_in_memory().unwrap());
    block_on(replay(&mut host, &history(scripts))).unwrap()
}

#[test]
fn rows_that_are_left_are_seeds() {
    let tables =
        "CREATE TABLE a(n); CREATE TABLE b(n); CREATE VIEW v AS SELECT 1; CREATE VIRTUAL TABLE w USING fts5(n);";
    for (rows, seeds) in [
        ("", false),
        ("INSERT INTO a VALUES (1);", true),
        ("INSERT INTO b VALUES (1);", true),
        ("INSERT INTO b VALUES (1); DELETE FROM b;", false),
        ("INSERT INTO w VALUES ('x');", true),
        ("INSERT INTO w VALUES ('x'); DELETE FROM w;", false),
        ("INSERT INTO a VALUES (1); INSERT INTO w VALUES ('x'); DELETE FROM w;", true),
    ] {
        assert_eq!(replayed(&[tables, &format!("SELECT 1; {rows}")]).seeds, seeds, "{rows}");
    }
    // So many tables that they are asked in portions.
    let many: String = (0..230).map(|n| format!("CREATE TABLE t{n}(a);")).collect();
    assert!(!replayed(&[&many]).seeds);
    for table in ["t0", "t150", "t229"] {
        assert!(replayed(&[&many, &format!("INSERT INTO {table} VALUES (1);")]).seeds, "{table}");
    }
}

/// What means something to a file only is left out: a replay is one transaction, in memory. What changes the meaning of
/// other statements is not.
#[test]
fn what_is_for_a_file_is_left_out() {
    let start = "CREATE TABLE a(id INTEGER PRIMARY KEY); CREATE TABLE c(a REFERENCES a(id));";
    let for_a_file =
        "-- whimbrel: no-transaction\nPRAGMA journal_mode = WAL;\nVACUUM;\nPRAGMA foreign_keys = ON;\nvacuum;";
    assert_eq!(replayed(&[start, for_a_file]).schema.tables.len(), 2);

    let parent = |scripts: &[&str]| {
        let schema = replayed(scripts).schema;
        schema.table("c").unwrap().foreign_keys[0].parent.clone()
    };
    let rename = "ALTER TABLE a RENAME TO b;";
    assert_eq!(parent(&[start, rename]), "b");
    let legacy = format!("PRAGMA legacy_alter_table = ON; {rename} PRAGMA legacy_alter_table = OFF;");
    assert_eq!(parent(&[start, &legacy]), "a");
}
