//! The procedures: what is asked of a database, in which order, and what is done when a request fails.
//!
//! They are ordinary `async fn`s over the [`Connection`] trait, written once for every host. A host whose requests
//! are done when they return (rusqlite) never waits, so [`block_on`] runs them without a runtime.
//!
//! **Invariant:** whatever request fails, the outcome is one of three: nothing changed, all is applied, or all is
//! applied and a setting of the connection could not be put back. Where even that cannot be found out, the error
//! says so, and the next run finds one of the first two.

mod apply;
mod doctor;
mod facts;
mod inspect;
mod judge;
mod prepare;
mod registered;
mod rows;
mod sizes;
mod versioned;

pub use apply::{Report, run_at_once, run_plan};
pub use doctor::{Finding, Severity, doctor};
pub use inspect::{Live, read_live};
pub use prepare::{Settings, make_plan, matches_pattern, open_questions};
pub use versioned::*;

pub use crate::diff::{Difference, differences};
pub use crate::sqlite::read::CatalogueEntry;

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use crate::error::{Code, Error};

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text. Bytes that are no UTF-8 were replaced by U+FFFD.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// A row of a result.
pub type Row = Vec<Value>;

impl Value {
    /// The number, if it is one.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Value::Integer(n) => Some(*n),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Why a request failed, as far as procedures tell causes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Another connection holds the database.
    Busy,
    /// The database, or its file, cannot be written.
    ReadOnly,
    /// A row violates a constraint.
    Constraint,
    /// The disk is full.
    Full,
    /// The request was interrupted.
    Interrupted,
    /// The file is not a database, or its key is wrong.
    NotADatabase,
    /// The database is damaged.
    Damaged,
    /// The statement is wrong, or names what does not exist.
    Statement,
    /// The role lacks a right, or is not let in.
    NotPermitted,
    /// The connection is gone, or none could be made.
    Disconnected,
    /// Anything else.
    Other,
}

/// A failed request.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Its kind.
    pub kind: FailureKind,
    /// The database's own words.
    pub message: String,
    /// Where in the statement, in bytes, if the database says so.
    pub offset: Option<usize>,
    /// PostgreSQL's SQLSTATE, where it is PostgreSQL that failed.
    pub sqlstate: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What procedures ask of a database. One statement a request; names in it are qualified.
///
/// A host implements this over its driver. Dropping a future before it is ready is allowed only where the driver
/// allows it.
pub trait Connection {
    /// A second, empty database in memory, where declarations are tried out.
    type Scratch: Connection;

    /// Executes a statement, and returns how many rows it changed.
    fn execute(&mut self, sql: &str) -> impl Future<Output = Result<u64, Failure>>;

    /// Executes a query, and returns its rows.
    fn query(&mut self, sql: &str) -> impl Future<Output = Result<Vec<Row>, Failure>>;

    /// Shows the catalogue, row by row. A host that can do so where its rows lie saves half the time of a plan that finds
    /// nothing to do.
    fn catalogue(
        &mut self,
        each: &mut (dyn FnMut(CatalogueEntry<'_>) + Send),
    ) -> impl Future<Output = Result<(), Failure>> {
        async {
            for row in self.query(CATALOGUE).await? {
                let text = |column: usize| row.get(column).and_then(Value::text);
                let name = |column: usize| text(column).unwrap_or_default();
                each(CatalogueEntry { kind: name(0), name: name(1), table: name(2), sql: text(3) });
            }
            Ok(())
        }
    }

    /// Whether a transaction is open.
    fn in_transaction(&mut self) -> impl Future<Output = Result<bool, Failure>>;

    /// Makes a scratch database that knows the functions and collations of this connection.
    fn scratch(&mut self) -> impl Future<Output = Result<Self::Scratch, Failure>>;

    /// Free space where the database lies, in bytes, if the host can tell.
    fn free_space(&mut self) -> impl Future<Output = Option<u64>>;

    /// Whether the file of the database was renamed or removed since it was opened, if the host can tell: what is written
    /// then is lost.
    fn has_moved(&mut self) -> impl Future<Output = bool> {
        async { false }
    }

    /// The two fields of the header by which an unchanged start is told. A host that can read both under one lock
    /// saves some microseconds of every start.
    fn header(&mut self) -> impl Future<Output = Result<Header, Failure>> {
        async {
            let user_version = self.query("PRAGMA main.user_version").await?;
            let cookie = self.query("PRAGMA main.schema_version").await?;
            let integer = |rows: Vec<Row>| rows.first().and_then(|row| row.first()?.integer()).unwrap_or_default();
            Ok(Header { user_version: integer(user_version) as i32, cookie: integer(cookie), application_id: 0 })
        }
    }
}

/// What [`Connection::catalogue`] asks. `sqlite_master` and not `sqlite_schema`: the newer name is not known before 3.33.
pub const CATALOGUE: &str = "SELECT type, name, tbl_name, sql FROM main.sqlite_master";

/// What the header of a database says, without a look at any table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header {
    /// `PRAGMA user_version`.
    pub user_version: i32,
    /// `PRAGMA schema_version`, which SQLite raises with every change of the schema.
    pub cookie: i64,
    /// `PRAGMA application_id`, where somebody has asked for it.
    pub application_id: i32,
}

/// Told what a run is doing.
pub trait Observer {
    /// Called often; must not take long.
    fn event(&mut self, event: &Event<'_>);
}

/// What an [`Observer`] is told.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The transaction is open and the run starts.
    Started {
        /// How many steps it has.
        steps: usize,
        /// How many rows it will copy.
        rows: u64,
    },
    /// A step starts.
    Step {
        /// Its number, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// The object it works on.
        object: &'a str,
        /// What it does.
        title: &'a str,
    },
    /// Rows were copied.
    Rows {
        /// Copied so far, over all steps.
        done: u64,
        /// To copy, over all steps.
        of: u64,
        /// Bytes that these rows took in the old tables, as far as their size is known.
        bytes: u64,
        /// Bytes of all rows to copy.
        of_bytes: u64,
    },
    /// The result is being verified.
    Verifying,
    /// An upgrade starts.
    UpgradeStarted {
        /// The number of the newest migration that the database has; 0 where it has none.
        from: u32,
        /// The number it will have.
        to: u32,
        /// How many migrations will run.
        migrations: usize,
    },
    /// A migration starts, or a phase of one.
    Migration {
        /// Its place in this run, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// Version and name.
        name: &'a str,
        /// How many statements it has.
        statements: usize,
    },
    /// A statement of a migration is done.
    Statement {
        /// Its place in the migration, from 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// A portion of a back-fill is done.
    Portion {
        /// Rows changed so far by this back-fill.
        rows: u64,
    },
    /// A lock could not be had in time. What was done in this transaction was rolled back, and is tried again.
    Retry {
        /// The object that others hold.
        object: &'a str,
        /// The attempt that follows, from 2.
        attempt: u32,
        /// How many there are.
        of: u32,
    },
    /// An upgrade came to its end.
    Upgraded {
        /// The number the database had.
        from: u32,
        /// The number it has.
        to: u32,
    },
    /// An upgrade failed; the database is as the error says.
    Failed {
        /// Its code.
        code: Code,
    },
    /// Nothing is tried any more.
    Held,
    /// All is committed.
    Committed,
}

/// An observer that does nothing.
impl Observer for () {
    fn event(&mut self, _: &Event<'_>) {}
}

impl<F: FnMut(&Event<'_>)> Observer for F {
    fn event(&mut self, event: &Event<'_>) {
        self(event);
    }
}

/// Asks a run to stop. Clones belong together, and may be used from any thread.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks for the stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether a stop was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs a future of a host that never waits.
///
/// # Panics
/// If the future waits: then it belongs to a host that needs a runtime.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a blocking host returned a future that waits"),
    }
}

impl Failure {
    /// This failure as an error: what everybody understands alike by its own code, the rest by `code`.
    pub fn error(&self, code: Code, message: impl AsRef<str>) -> Error {
        self.error_of(code, message.as_ref())
    }

    fn error_of(&self, code: Code, message: &str) -> Error {
        let error = |code, message: &str| Error::new(code, message).cause(&self.message);
        let on_server = self.sqlstate.is_some();
        match self.kind {
            FailureKind::Busy => error(Code::Busy, "the database is locked by another connection")
                .help("try again when the other one is done"),
            FailureKind::ReadOnly => error(Code::ReadOnly, "the database cannot be written").help(match on_server {
                true => "connect to the primary server, with `default_transaction_read_only` off",
                false => "check the permissions of the file and of its folder",
            }),
            FailureKind::Full => error(Code::DiskSpace, "the disk is full").help("free some space and try again"),
            FailureKind::Interrupted => error(Code::Cancelled, "the run was cancelled"),
            FailureKind::NotADatabase => error(Code::NotADatabase, "the file is not a database, or is encrypted")
                .help("check the path, and the key where one is used"),
            FailureKind::Damaged => error(Code::Damaged, "the database is damaged").help(match on_server {
                true => "make a copy of the server's data folder before anything else",
                false => {
                    "make a copy of the file and its -wal and -journal before anything else; `whimbrel doctor` tells more"
                }
            }),
            // What was tried is worth more than a sentence for all: the right that is missing depends on it.
            FailureKind::NotPermitted => {
                error(Code::NotPermitted, message).help("use a role that has the right, or have it granted")
            }
            FailureKind::Disconnected => error(Code::Disconnected, "there is no connection to the database any more")
                .help("run it again when the server can be reached"),
            FailureKind::Constraint | FailureKind::Statement | FailureKind::Other => error(code, message),
        }
    }
}
