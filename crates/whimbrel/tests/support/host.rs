//! A host that a test stands behind: it is told each request before SQLite is, and may answer it itself.

use std::borrow::Borrow;

use rusqlite::Connection as Rusqlite;
use whimbrel::run::{Connection, Failure, FailureKind, Header, Row};
use whimbrel::sqlite_host::Sqlite;

/// What a test answers to a request; nothing where SQLite is to answer it.
pub type Answer = Option<Result<Vec<Row>, FailureKind>>;

/// Who is told each statement and query, and may answer it.
type Answers<'h> = Box<dyn FnMut(&Rusqlite, &str) -> Answer + 'h>;

/// A host over SQLite.
pub struct Host<'h> {
    pub inner: Sqlite<'h>,
    /// Stands before SQLite.
    pub answers: Answers<'h>,
    /// The free space that it tells of.
    pub free: Option<u64>,
}

impl<'h> Host<'h> {
    pub fn new(inner: Sqlite<'h>, answers: impl FnMut(&Rusqlite, &str) -> Answer + 'h) -> Host<'h> {
        Host { inner, answers: Box::new(answers), free: None }
    }

    fn answer(&mut self, sql: &str) -> Option<Result<Vec<Row>, Failure>> {
        let answer = (self.answers)(self.inner.borrow(), sql)?;
        Some(answer.map_err(|kind| Failure { kind, message: "planted".into(), offset: None, sqlstate: None }))
    }
}

impl Connection for Host<'_> {
    type Scratch = Sqlite<'static>;

    async fn execute(&mut self, sql: &str) -> Result<u64, Failure> {
        match self.answer(sql) {
            Some(answer) => answer.map(|_| 0),
            None => self.inner.execute(sql).await,
        }
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        match self.answer(sql) {
            Some(answer) => answer,
            None => self.inner.query(sql).await,
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
