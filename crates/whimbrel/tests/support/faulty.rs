//! A host that fails its n-th request, between the procedures and SQLite.

use rusqlite::Connection as Rusqlite;
use whimbrel::run::{Connection, Failure, FailureKind, Header, Row};
use whimbrel::sqlite_host::Sqlite;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The request is not carried out.
    Before,
    /// The request is carried out, and its answer is lost.
    After,
    /// This request and all that follow are not carried out: the connection is gone.
    Sticky,
}

/// Fails its n-th request.
pub struct Faulty {
    pub inner: Sqlite<'static>,
    left: usize,
    pub mode: Mode,
    /// Whether it has failed already.
    pub failed: bool,
}

impl Faulty {
    /// Fails the request behind the first `n`.
    pub fn new(conn: Rusqlite, n: usize, mode: Mode) -> Faulty {
        Faulty { inner: Sqlite::owned(conn), left: n, mode, failed: false }
    }

    fn now(&mut self) -> bool {
        if self.failed {
            return self.mode == Mode::Sticky;
        }
        self.failed = self.left == 0;
        self.left = self.left.saturating_sub(1);
        self.failed
    }
}

fn planted() -> Failure {
    Failure { kind: FailureKind::Other, message: "planted failure".into(), offset: None, sqlstate: None }
}

impl Connection for Faulty {
    type Scratch = Sqlite<'static>;

    async fn execute(&mut self, sql: &str) -> Result<u64, Failure> {
        match (self.now(), self.mode) {
            (false, _) => self.inner.execute(sql).await,
            (true, Mode::After) => {
                self.inner.execute(sql).await?;
                Err(planted())
            }
            (true, _) => Err(planted()),
        }
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        match (self.now(), self.mode) {
            (false, _) => self.inner.query(sql).await,
            (true, Mode::After) => {
                self.inner.query(sql).await?;
                Err(planted())
            }
            (true, _) => Err(planted()),
        }
    }

    async fn in_transaction(&mut self) -> Result<bool, Failure> {
        if self.now() { Err(planted()) } else { self.inner.in_transaction().await }
    }

    async fn scratch(&mut self) -> Result<Self::Scratch, Failure> {
        if self.now() { Err(planted()) } else { self.inner.scratch().await }
    }

    async fn free_space(&mut self) -> Option<u64> {
        if self.now() { None } else { self.inner.free_space().await }
    }

    async fn header(&mut self) -> Result<Header, Failure> {
        if self.now() { Err(planted()) } else { self.inner.header().await }
    }
}
