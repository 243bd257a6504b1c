//! The rusqlite host: an app's own connection as a [`Connection`].
//!
//! Everything runs on the connection the app opened, so its functions, collations, virtual tables and encryption
//! key are there. Requests are done when they return; [`block_on`] never waits.

use std::borrow::{Borrow, Cow};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::types::ValueRef;
use rusqlite::{ErrorCode, OpenFlags, Rows};
use whimbrel_core::run::{
    self, CATALOGUE, Cancel, CatalogueEntry, Connection, Failure, FailureKind, Header, Row, Value, block_on,
};
use whimbrel_core::{Code, Error, Result, Schema};

/// A rusqlite connection, borrowed or owned, as the procedures see it.
///
/// One type for both: procedures are compiled once for each type of host, and a program should hold them once.
#[derive(Debug)]
pub struct Sqlite<'c> {
    conn: Held<'c>,
}

#[derive(Debug)]
enum Held<'c> {
    Borrowed(&'c rusqlite::Connection),
    Owned(Box<rusqlite::Connection>),
}

impl<'c> Sqlite<'c> {
    /// Wraps the connection of somebody else.
    pub fn new(conn: &'c rusqlite::Connection) -> Self {
        Sqlite { conn: Held::Borrowed(conn) }
    }

    /// Wraps a connection, which is closed with it.
    pub fn owned(conn: rusqlite::Connection) -> Self {
        Sqlite { conn: Held::Owned(Box::new(conn)) }
    }

    pub(crate) fn conn(&self) -> &rusqlite::Connection {
        match &self.conn {
            Held::Borrowed(conn) => conn,
            Held::Owned(conn) => conn,
        }
    }
}

impl Borrow<rusqlite::Connection> for Sqlite<'_> {
    fn borrow(&self) -> &rusqlite::Connection {
        self.conn()
    }
}

/// Text, whatever its bytes are. What is UTF-8, as nearly all is, is looked at in one go.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

impl Connection for Sqlite<'_> {
    type Scratch = Sqlite<'static>;

    async fn execute(&mut self, sql: &str) -> Result<u64, Failure> {
        let mut statement = self.conn().prepare(sql).map_err(failure)?;
        // PRAGMAs answer with rows even where they set something; `execute` would call that an error.
        if statement.column_count() > 0 {
            let mut rows = statement.query([]).map_err(failure)?;
            while rows.next().map_err(failure)?.is_some() {}
            return Ok(0);
        }
        statement.execute([]).map(|n| n as u64).map_err(failure)
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        let mut statement = self.conn().prepare(sql).map_err(failure)?;
        let columns = statement.column_count();
        let mut rows = statement.query([]).map_err(failure)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(failure)? {
            let mut values = Vec::with_capacity(columns);
            for column in 0..columns {
                values.push(match row.get_ref(column).map_err(failure)? {
                    ValueRef::Null => Value::Null,
                    ValueRef::Integer(n) => Value::Integer(n),
                    ValueRef::Real(n) => Value::Real(n),
                    ValueRef::Text(text) => Value::Text(text_of(text).into_owned()),
                    ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
                });
            }
            all.push(values);
        }
        Ok(all)
    }

    async fn catalogue(&mut self, each: &mut (dyn FnMut(CatalogueEntry<'_>) + Send)) -> Result<(), Failure> {
        let mut statement = self.conn().prepare(CATALOGUE).map_err(failure)?;
        let mut rows = statement.query([]).map_err(failure)?;
        while let Some(row) = rows.next().map_err(failure)? {
            let text = |column: usize| match row.get_ref(column) {
                Ok(ValueRef::Text(text)) => Some(text_of(text)),
                _ => None,
            };
            let (kind, name, table, sql) = (text(0), text(1), text(2), text(3));
            let kind = kind.as_deref().unwrap_or_default();
            let (name, table) = (name.as_deref().unwrap_or_default(), table.as_deref().unwrap_or_default());
            each(CatalogueEntry { kind, name, table, sql: sql.as_deref() });
        }
        Ok(())
    }

    async fn in_transaction(&mut self) -> Result<bool, Failure> {
        Ok(!self.conn().is_autocommit())
    }

    async fn scratch(&mut self) -> Result<Self::Scratch, Failure> {
        rusqlite::Connection::open_in_memory().map(Sqlite::owned).map_err(failure)
    }

    /// The first statement still stands on its row while the second runs: one lock is taken for both, and one look at the
    /// file.
    async fn header(&mut self) -> Result<Header, Failure> {
        let conn = self.conn();
        let mut statement = conn.prepare("PRAGMA main.user_version").map_err(failure)?;
        let mut rows = statement.query([]).map_err(failure)?;
        let user_version = next_integer(&mut rows).map_err(failure)? as i32;
        let cookie = integer(conn, "PRAGMA main.schema_version").map_err(failure)?;
        Ok(Header { user_version, cookie, application_id: 0 })
    }

    async fn has_moved(&mut self) -> bool {
        #[cfg(unix)]
        {
            // Where there is no file, or its host cannot tell, nobody has moved it.
            let mut moved = 0;
            let asked = self.conn().file_control(Some(c"main"), rusqlite::FileControl::HasMoved(&mut moved));
            asked.is_ok() && moved != 0
        }
        #[cfg(not(unix))]
        false
    }

    async fn free_space(&mut self) -> Option<u64> {
        let path = self.conn().path().filter(|path| !path.is_empty())?;
        fs4::available_space(Path::new(path).parent().filter(|p| !p.as_os_str().is_empty())?).ok()
    }
}

/// The whole number that a query gives.
pub(crate) fn integer(conn: &rusqlite::Connection, sql: &str) -> rusqlite::Result<i64> {
    next_integer(&mut conn.prepare(sql)?.query([])?)
}

fn next_integer(rows: &mut Rows<'_>) -> rusqlite::Result<i64> {
    match rows.next()?.map(|row| row.get_ref(0)).transpose()? {
        Some(ValueRef::Integer(n)) => Ok(n),
        _ => Err(rusqlite::Error::QueryReturnedNoRows),
    }
}

fn failure(error: rusqlite::Error) -> Failure {
    let code = match &error {
        // SQLite knows the place in the statement: rusqlite keeps the code elsewhere then.
        rusqlite::Error::SqlInputError { error, .. } => Some(error.code),
        error => error.sqlite_error_code(),
    };
    let kind = match code {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => FailureKind::Busy,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => FailureKind::ReadOnly,
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => FailureKind::Constraint,
        Some(ErrorCode::DiskFull) => FailureKind::Full,
        Some(ErrorCode::OperationInterrupted | ErrorCode::OperationAborted) => FailureKind::Interrupted,
        Some(ErrorCode::NotADatabase) => FailureKind::NotADatabase,
        Some(ErrorCode::DatabaseCorrupt) => FailureKind::Damaged,
        Some(ErrorCode::Unknown) => FailureKind::Statement,
        _ => FailureKind::Other,
    };
    match error {
        rusqlite::Error::SqlInputError { msg, offset, .. } => {
            Failure { kind, message: msg, offset: usize::try_from(offset).ok(), sqlstate: None }
        }
        rusqlite::Error::SqliteFailure(_, Some(message)) => Failure { kind, message, offset: None, sqlstate: None },
        other => Failure { kind, message: other.to_string(), offset: None, sqlstate: None },
    }
}

/// The time, in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A rusqlite error as one of Whimbrel's.
pub(crate) fn error(error: rusqlite::Error, code: Code, message: impl AsRef<str>) -> Error {
    failure(error).error(code, message)
}

/// What a database is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    ReadOnly,
    /// Reading and writing; the file must exist.
    ReadWrite,
    /// Reading and writing; the file is made if it is missing.
    Create,
}

/// Opens a database file, waiting up to five seconds for others that hold it.
///
/// # Errors
/// [`Code::CannotOpen`] with the reason, [`Code::NotADatabase`].
pub fn open(path: &Path, access: Access) -> Result<rusqlite::Connection> {
    let name = path.display();
    let cannot =
        |why: String| Error::new(Code::CannotOpen, format!("{name} cannot be opened: {why}")).object(name.to_string());
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => return Err(cannot("it is a folder".into())),
        // SQLite takes a file of one byte for an empty database, and would write over it.
        Ok(meta) if (1..512).contains(&meta.len()) => {
            return Err(Error::new(Code::NotADatabase, format!("{name} is not a database"))
                .object(name.to_string())
                .help("check the path"));
        }
        Ok(_) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && access == Access::Create => {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
            if let Some(folder) = folder.filter(|f| !f.is_dir()) {
                return Err(cannot(format!("the folder {} does not exist", folder.display())));
            }
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(cannot("there is no such file".into()).help("check the path"));
        }
        Err(e) => return Err(cannot(e.to_string())),
    }
    let flags = match access {
        Access::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Access::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    };
    // The path is a path and never a URI: a file may be called `file:x?y`.
    let conn = rusqlite::Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|e| error(e, Code::CannotOpen, format!("{name} cannot be opened")))?;
    conn.busy_timeout(Duration::from_secs(5))
        .map_err(|e| error(e, Code::CannotOpen, format!("{name} cannot be opened")))?;
    // The header is read only now.
    conn.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))
        .map_err(|e| error(e, Code::CannotOpen, format!("{name} cannot be read")).object(name.to_string()))?;
    Ok(conn)
}

/// The schema of a live database.
///
/// ```
/// let mut db = rusqlite::Connection::open_in_memory()?;
/// db.execute_batch("CREATE TABLE users(id INTEGER PRIMARY KEY)")?;
/// let schema = whimbrel::sqlite_host::read_schema(&mut db)?;
/// assert_eq!(schema.tables[0].name, "users");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Where the database cannot be read.
pub fn read_schema(conn: &mut rusqlite::Connection) -> Result<Schema> {
    Ok(block_on(run::read_live(&mut Sqlite::new(conn)))?.schema)
}

/// Lets a [`Cancel`] interrupt even a long statement, for as long as this value lives. It takes the place of a
/// progress handler that the app has set; without a [`Cancel`], that stays.
pub(crate) struct Interrupt<'c> {
    conn: &'c mut rusqlite::Connection,
    is_set: bool,
}

impl<'c> Interrupt<'c> {
    /// Instructions of SQLite's machine between two looks; some microseconds, unless single rows are slow.
    const EVERY: std::ffi::c_int = 1_000;

    pub(crate) fn new(conn: &'c mut rusqlite::Connection, cancel: Option<&Cancel>) -> Self {
        let is_set = cancel.is_some();
        if let Some(cancel) = cancel.cloned() {
            // Cancelling is a convenience: where it cannot be set up, the run is still right.
            let _ = conn.progress_handler(Self::EVERY, Some(move || cancel.is_cancelled()));
        }
        Interrupt { conn, is_set }
    }

    pub(crate) fn conn(&self) -> &rusqlite::Connection {
        self.conn
    }
}

impl Drop for Interrupt<'_> {
    fn drop(&mut self) {
        if self.is_set {
            let _ = self.conn.progress_handler(0, None::<fn() -> bool>);
        }
    }
}

/// The file of a connection's main database, if it has one.
pub fn database_path(conn: &rusqlite::Connection) -> Option<PathBuf> {
    conn.path().filter(|path| !path.is_empty()).map(PathBuf::from)
}
