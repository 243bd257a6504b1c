//! Histories written in a line, and what a database holds.

use rusqlite::Connection;
use whimbrel::history::Files;
use whimbrel::{Folder, History, MemoryFiles};

/// A history of these scripts, named by their places.
pub fn history(scripts: &[&str]) -> History {
    folder(scripts).history
}

/// The folder of such a history.
pub fn folder(scripts: &[&str]) -> Folder {
    let mut files = MemoryFiles::default();
    for (n, script) in scripts.iter().enumerate() {
        files.write(&format!("{:04}_m{}.sql", n + 1, n + 1), script.as_bytes()).unwrap();
    }
    Folder::read(&files).unwrap()
}

/// A single value.
pub fn one<T: rusqlite::types::FromSql>(db: &Connection, sql: &str) -> T {
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// The names of all tables that are no record of Whimbrel's.
pub fn tables(db: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_whimbrel%' ESCAPE '\\' \
               AND name NOT LIKE 'sqlite%' ORDER BY name";
    let mut statement = db.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}
