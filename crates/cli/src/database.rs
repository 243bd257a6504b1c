//! The database a command works on: a path or a `sqlite:` URL, and what is at the end of it.

use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use whimbrel::sqlite_host::{self, Access};
use whimbrel::{Code, Error};

use crate::arguments::DatabaseArgument;
use crate::configuration::{Configuration, FILE};
use crate::failure::Failure;

/// The variable that names the database.
pub const VARIABLE: &str = "WHIMBREL_DB";

/// Where the database is.
#[derive(Debug, Clone)]
pub struct Database {
    /// The file.
    pub path: PathBuf,
    /// How it was called on the command line, where it was.
    pub word: Option<OsString>,
}

impl Database {
    /// The database that is meant: the option's, else the variable's, else the file's.
    pub fn choose(argument: &DatabaseArgument, configuration: &Configuration) -> Result<Database, Failure> {
        Database::named(argument.db.as_ref(), configuration)?.ok_or_else(Database::unnamed)
    }

    /// The database that is meant, where one is.
    pub fn named(option: Option<&OsString>, configuration: &Configuration) -> Result<Option<Database>, Failure> {
        if let Some(word) = option {
            return Ok(Some(Database { path: parse(word)?, word: Some(word.clone()) }));
        }
        let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        let word = variable.or_else(|| configuration.db.clone());
        word.map(|word| Ok(Database { path: parse(&word)?, word: None })).transpose()
    }

    /// The failure of a command that needs a database and was given none.
    pub fn unnamed() -> Failure {
        Failure::usage("no database is named")
            .help(format!("name it with --db app.db, in {VARIABLE}, or as `db = \"app.db\"` in {FILE}"))
    }

    /// The database in messages.
    pub fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// Whether the file is there.
    pub fn exists(&self) -> Result<bool, Failure> {
        match std::fs::metadata(&self.path) {
            Ok(data) if data.is_file() => Ok(true),
            Ok(data) => {
                let what = if data.is_dir() { "a folder" } else { "not a file" };
                Err(cannot_open(&self.path, format!("{} is {what}", self.shown())).into())
            }
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
            Err(e) => Err(cannot_open(&self.path, format!("{} cannot be opened", self.shown())).cause(e).into()),
        }
    }

    /// Opens a database that has to be there, for reading.
    pub fn open(&self) -> Result<Connection, Failure> {
        if !self.exists()? {
            let error = cannot_open(&self.path, format!("there is no {}", self.shown()));
            return Err(error.help("look for a slip in the name; `whimbrel push` would create it").into());
        }
        open_to_read(&self.path)
    }

    /// Opens a database that is there for planning and for running the plan.
    pub fn open_for_running(&self) -> Result<(Connection, Option<u64>), Failure> {
        let bytes = std::fs::metadata(&self.path).map_or(0, |data| data.len());
        Ok((open_to_write(&self.path, Access::ReadWrite)?, Some(bytes)))
    }

    /// Opens the database for planning, or an empty one in memory where it is not there yet: nothing is created.
    pub fn open_for_planning(&self) -> Result<(Connection, Option<u64>), Failure> {
        if self.exists()? {
            let bytes = std::fs::metadata(&self.path).map_or(0, |data| data.len());
            return Ok((open_to_read(&self.path)?, Some(bytes)));
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            let message = format!("{} cannot be created: there is no folder {}", self.shown(), folder.display());
            return Err(cannot_open(&self.path, message)
                .help("create the folder, or look for a slip in the name")
                .into());
        }
        Ok((in_memory()?, None))
    }
}

/// Whether opening the file for writing and closing it again would change it: a write-ahead log that holds something is
/// then taken into the database.
pub fn has_full_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    has_log(path) && std::fs::metadata(log).is_ok_and(|data| data.len() > 0)
}

/// Whether the file's header says that the database has a write-ahead log
/// (<https://www.sqlite.org/fileformat.html#file_format_version_numbers>).
fn has_log(path: &Path) -> bool {
    let mut header = [0; 20];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header[18] == 2
}

/// Opens a database file for reading.
///
/// Whoever may only read cannot remove the empty log and its index that SQLite makes beside a database in WAL mode; so
/// where there is no log that matters, the database is opened for writing, and not written.
///
/// A program that ended in the middle of a transaction leaves a journal, and until that is rolled back nobody can
/// read the database. SQLite does it for whoever comes first, but not for one that may only read.
pub fn open_to_read(path: &Path) -> Result<Connection, Failure> {
    if has_log(path)
        && !has_full_log(path)
        && let Ok(connection) = sqlite_host::open(path, Access::ReadWrite)
    {
        return Ok(connection);
    }
    match sqlite_host::open(path, Access::ReadOnly) {
        Err(e) if e.code() == Code::ReadOnly => {
            drop(open_to_write(path, Access::ReadWrite)?);
            sqlite_host::open(path, Access::ReadOnly).map_err(|e| named(path, e))
        }
        outcome => outcome.map_err(|e| named(path, e)),
    }
}

/// Opens a database file for writing.
pub fn open_to_write(path: &Path, access: Access) -> Result<Connection, Failure> {
    sqlite_host::open(path, access).map_err(|e| named(path, e))
}

/// SQLite does not say which file it means, and a command may open several.
fn named(path: &Path, error: Error) -> Failure {
    Failure::from(error).named(&path.display().to_string())
}

/// An empty database in memory.
pub fn in_memory() -> whimbrel::Result<Connection> {
    Connection::open_in_memory()
        .map_err(|e| Error::new(Code::CannotOpen, "no database in memory can be opened").cause(e))
}

fn cannot_open(path: &Path, message: String) -> Error {
    Error::new(Code::CannotOpen, message).object(path.display().to_string())
}

/// Whether a text is a URL rather than a path. A single letter before the colon is a drive.
pub fn is_url(text: &str) -> bool {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_scheme = scheme.len() > 1 && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    is_scheme && (text[scheme.len()..].starts_with("://") || KNOWN.contains(&&*scheme.to_ascii_lowercase()))
}

const KNOWN: &[&str] = &["sqlite", "sqlite3", "file", "postgres", "postgresql"];

/// The file that a path or URL names.
fn parse(word: &OsStr) -> Result<PathBuf, Failure> {
    let is_memory = |rest: &str| rest == ":memory:" || rest.is_empty();
    // A scheme is ASCII, so whatever is no UTF-8 in the rest is kept by looking at the bytes.
    let text = word.to_string_lossy();
    if text == ":memory:" {
        return Err(Failure::usage("a database in memory ends with the program").help("name a file"));
    }
    if word.is_empty() {
        return Err(Failure::usage("the name of the database is empty").help("name a file"));
    }
    if !is_url(&text) {
        return Ok(PathBuf::from(word));
    }
    let (scheme, rest) = text.split_once(':').unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "sqlite" | "sqlite3" | "file" if is_memory(rest.trim_start_matches("//")) => {
            Err(Failure::usage("a database in memory ends with the program").help("name a file"))
        }
        "sqlite" | "sqlite3" | "file" => {
            let bytes = &word.as_encoded_bytes()[scheme.len() + 1..];
            file_of_url(bytes.strip_prefix(b"//").unwrap_or(bytes))
        }
        "postgres" | "postgresql" => Err(Failure::usage("this command does not work on PostgreSQL")
            .help("name a SQLite database: --db app.db or --db sqlite:app.db")),
        scheme => Err(Failure::usage(format!("{scheme}: is no kind of database that whimbrel knows"))
            .help("write --db app.db or --db sqlite:app.db")),
    }
}

/// The path in a URL, with its `%20`s read.
fn file_of_url(path: &[u8]) -> Result<PathBuf, Failure> {
    if path.contains(&b'?') || path.contains(&b'#') {
        return Err(Failure::usage("a sqlite: URL takes no parameters here").help("write --db sqlite:app.db"));
    }
    let digit = |at: usize| path.get(at).and_then(|b| char::from(*b).to_digit(16));
    let mut bytes = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < path.len() {
        match (path[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    path_from(bytes)
}

#[cfg(unix)]
fn path_from(bytes: Vec<u8>) -> Result<PathBuf, Failure> {
    use std::os::unix::ffi::OsStringExt;
    Ok(PathBuf::from(OsString::from_vec(bytes)))
}

#[cfg(not(unix))]
fn path_from(bytes: Vec<u8>) -> Result<PathBuf, Failure> {
    let text = String::from_utf8(bytes).map_err(|_| Failure::usage("the path in the URL is not UTF-8 text"))?;
    // `sqlite:///C:/data/app.db`
    let drive = text.strip_prefix('/').filter(|rest| rest.as_bytes().get(1) == Some(&b':'));
    Ok(PathBuf::from(drive.unwrap_or(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(word: &str) -> Result<String, String> {
        let told = |failure: Failure| failure.problems.into_iter().map(|p| p.message).collect();
        parse(OsStr::new(word)).map(|path| path.display().to_string()).map_err(told)
    }

    #[test]
    fn urls_and_paths() {
        for (word, expected) in [
            ("app.db", "app.db"),
            ("/abs/app.db", "/abs/app.db"),
            ("sqlite:app.db", "app.db"),
            ("sqlite://app.db", "app.db"),
            ("sqlite:/abs/app.db", "/abs/app.db"),
            ("sqlite:///abs/app.db", "/abs/app.db"),
            ("SQLite:app.db", "app.db"),
            ("sqlite:my%20app.db", "my app.db"),
            ("sqlite:100%.db", "100%.db"),
            ("odd:name.db", "odd:name.db"),
        ] {
            assert_eq!(path(word).as_deref(), Ok(expected), "{word}");
        }
    }

    #[test]
    fn what_is_no_file_is_said() {
        for (word, part) in [
            ("", "empty"),
            (":memory:", "memory"),
            ("sqlite::memory:", "memory"),
            ("sqlite://", "memory"),
            ("sqlite:app.db?mode=ro", "parameters"),
            ("postgres://localhost/app", "PostgreSQL"),
            ("postgresql:app", "PostgreSQL"),
            ("mysql://localhost/app", "mysql:"),
        ] {
            let message = path(word).expect_err(word);
            assert!(message.contains(part), "{word}: {message}");
        }
    }
}
