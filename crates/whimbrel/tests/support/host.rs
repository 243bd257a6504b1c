//! A host that answers one question otherwise than SQLite does.

use rusqlite::Connection as Rusqlite;
use whimbrel::run::{Connection, Failure, FailureKind, Header, Row};
use whimbrel::sqlite_host::Sqlite;

/// Answers what SQLite answers, but for what is said here.
pub struct Host {
    pub inner: Sqlite<'static>,
    /// Queries that start with this text fail in this way.
    pub fails: Option<(&'static str, FailureKind)>,
    /// The free space that it tells of.
    pub free: Option<u64>,
}

impl Host {
    pub fn new(conn: Rusqlite) -> Host {
        Host { inner: Sqlite::owned(conn), fails: None, free: None }
    }
}

impl Connection for Host {
    type Scratch = Sqlite<'static>;

    async fn execute(&mut self, sql: &str) -> Result<u64, Failure> {
        self.inner.execute(sql).await
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        match self.fails {
            Some((start, kind)) if sql.starts_with(start) => {
                Err(Failure { kind, message: "planted".into(), offset: None, sqlstate: None })
            }
            _ => self.inner.query(sql).await,
        }
    }

    async fn in_transaction(&mut self) -> Result<bool, Failure> {
        self.inner.in_transaction().await
    }

    async fn scratch(&mut self) -> Result<Self::Scratch, Failure> {
        self.inner.scratch().await
    }

    async fn free_space(&mut self) -> Option<u64> {
        self.free
    }

    async fn header(&mut self) -> Result<Header, Failure> {
        self.inner.header().await
    }
}
