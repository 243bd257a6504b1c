//! A database file in a temporary folder of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

pub use whimbrel_oracle::quoted;

/// A database file, and the folder that goes with it.
pub struct Database {
    folder: TempDir,
}

/// How the file keeps its journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    Delete,
    Wal,
}

impl Database {
    /// An empty folder where the file will be.
    pub fn new() -> Database {
        Database { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A database made by these scripts, one after the other.
    pub fn with(scripts: &[&str]) -> Database {
        Database::in_mode(Journal::Delete, scripts)
    }

    /// The same in a given journal mode. Foreign keys are off while rows come in, so that any order will do.
    pub fn in_mode(journal: Journal, scripts: &[&str]) -> Database {
        let database = Database::new();
        let conn = database.connect(false);
        if journal == Journal::Wal {
            let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).expect("WAL mode");
            assert_eq!(mode, "wal");
        }
        conn.execute_batch("PRAGMA synchronous = OFF").expect("no waiting for the disk");
        for script in scripts {
            conn.execute_batch(script).unwrap_or_else(|e| panic!("{e}\nin {script}"));
        }
        conn.close().expect("everything finished");
        database
    }

    /// Where the file is.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    /// The folder that holds nothing but the file and what SQLite puts beside it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A new connection, with the setting of foreign keys made plain.
    pub fn connect(&self, foreign_keys: bool) -> Connection {
        let conn = Connection::open(self.path()).expect("the file opens");
        conn.busy_timeout(Duration::from_secs(10)).expect("a time to wait");
        conn.pragma_update(None, "foreign_keys", foreign_keys).expect("foreign keys");
        conn
    }

    /// The file's bytes, and those of everything beside it that is not empty.
    pub fn bytes(&self) -> Vec<(String, Vec<u8>)> {
        let entries = std::fs::read_dir(self.folder.path()).expect("the folder");
        let mut files: Vec<(String, Vec<u8>)> = entries
            .map(|entry| entry.expect("an entry").path())
            .map(|path| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), std::fs::read(path)))
            .map(|(name, bytes)| (name, bytes.expect("a file")))
            .filter(|(name, bytes)| !bytes.is_empty() && !name.ends_with("-shm"))
            .collect();
        files.sort();
        files
    }
}

/// The answer to a query, a row a line: `1|text|NULL|x'00ff'`.
pub fn ask(conn: &Connection, sql: &str) -> String {
    try_ask(conn, sql).unwrap_or_else(|e| panic!("{e}\nin {sql}"))
}

/// As [`ask`], where the query may fail.
pub fn try_ask(conn: &Connection, sql: &str) -> rusqlite::Result<String> {
    use rusqlite::types::ValueRef;
    let mut statement = conn.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let mut values = Vec::new();
        for column in 0..columns {
            values.push(match row.get_ref(column)? {
                ValueRef::Null => "NULL".to_owned(),
                ValueRef::Integer(n) => n.to_string(),
                ValueRef::Real(n) => format!("{n:?}"),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                ValueRef::Blob(bytes) => {
                    format!("x'{}'", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
                }
            });
        }
        lines.push(values.join("|"));
    }
    Ok(lines.join("\n"))
}
