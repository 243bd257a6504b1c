//! Hosts that end their session or do something in between, and readers that measure how long they wait.

// Each test program uses its own part of this.
#![allow(dead_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use whimbrel::postgres_host::Postgres;
use whimbrel::run::{Connection, Failure, FailureKind, Row};
use whimbrel_core::postgres::host::Host;
use whimbrel_postgres_server::{Database, Session};

/// The longest of the same SELECT again and again, until it is stopped.
pub struct Reader {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Duration>,
}

impl Reader {
    pub fn start(session: Session, sql: &'static str) -> Reader {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut longest = Duration::ZERO;
            while !stopped.load(Ordering::Relaxed) {
                let start = Instant::now();
                session.query(sql);
                longest = longest.max(start.elapsed());
                std::thread::sleep(Duration::from_millis(5));
            }
            longest
        });
        Reader { stop, thread }
    }

    pub fn end(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it reads")
    }
}

/// A machine that is busy with other things makes everybody wait: one round of many has to be in time.
pub fn a_round_in_time(mut round: impl FnMut() -> Duration, limit: Duration) {
    let mut rounds = Vec::new();
    while rounds.len() < 20 {
        rounds.push(round());
        if rounds.last().is_some_and(|longest| *longest <= limit) {
            return;
        }
    }
    panic!("{rounds:?} are longer than {limit:?}");
}

/// Ends the session at one request: before it, or after it and before its answer.
pub struct Ending<'d> {
    inner: Postgres,
    database: &'d Database,
    pid: String,
    /// How many requests there are up to that one.
    pub left: usize,
    is_after: bool,
}

impl<'d> Ending<'d> {
    pub async fn new(database: &'d Database, left: usize, is_after: bool) -> Ending<'d> {
        let mut inner = Postgres::connect(&database.url).await.expect("the database is there");
        let rows = inner.query("SELECT pg_backend_pid()").await.expect("it answers");
        let pid = rows[0][0].text().expect("it is a number").to_owned();
        Ending { inner, database, pid, left, is_after }
    }

    fn end(&mut self) {
        self.left = self.left.wrapping_sub(1);
        if self.left == 0 {
            self.database.value(&format!("SELECT pg_terminate_backend({}, 5000)", self.pid));
        }
    }

    fn after<T>(&mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        if self.is_after {
            self.end();
            if self.left == 0 {
                let message = "the connection is gone".to_owned();
                return Err(Failure { kind: FailureKind::Disconnected, message, offset: None, sqlstate: None });
            }
        }
        outcome
    }
}

impl Connection for Ending<'_> {
    type Scratch = Postgres;

    async fn execute(&mut self, sql: &str) -> Result<u64, Failure> {
        if !self.is_after {
            self.end();
        }
        let outcome = self.inner.execute(sql).await;
        self.after(outcome)
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        if !self.is_after {
            self.end();
        }
        let outcome = self.inner.query(sql).await;
        self.after(outcome)
    }

    async fn in_transaction(&mut self) -> Result<bool, Failure> {
        self.inner.in_transaction().await
    }

    async fn scratch(&mut self) -> Result<Postgres, Failure> {
        self.inner.scratch().await
    }

    async fn free_space(&mut self) -> Option<u64> {
        None
    }
}

impl Host for Ending<'_> {
    type Other = Postgres;

    async fn connect(&mut self, database: &str) -> Result<Postgres, Failure> {
        self.inner.connect(database).await
    }

    async fn wait(&mut self, time: Duration) {
        self.inner.wait(time).await;
    }

    fn chance(&mut self) -> u64 {
        self.inner.chance()
    }
}

/// A host that does something before each request of a run; it is told statements, and not queries.
pub struct Between<F> {
    pub inner: Postgres,
    pub before: F,
}

impl<F: FnMut(&str)> Connection for Between<F> {
    type Scratch = Postgres;

    async fn execute(&mut self, sql: &str) -> Result<u64, Failure> {
        (self.before)(sql);
        self.inner.execute(sql).await
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        (self.before)("");
        self.inner.query(sql).await
    }

    async fn in_transaction(&mut self) -> Result<bool, Failure> {
        self.inner.in_transaction().await
    }

    async fn scratch(&mut self) -> Result<Postgres, Failure> {
        self.inner.scratch().await
    }

    async fn free_space(&mut self) -> Option<u64> {
        None
    }
}

impl<F: FnMut(&str)> Host for Between<F> {
    type Other = Postgres;

    async fn connect(&mut self, database: &str) -> Result<Postgres, Failure> {
        self.inner.connect(database).await
    }

    async fn wait(&mut self, time: Duration) {
        self.inner.wait(time).await;
    }

    fn chance(&mut self) -> u64 {
        self.inner.chance()
    }
}
