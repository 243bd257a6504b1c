//! One run at a time: a session's advisory lock, taken by trying and asking again, never by waiting.
//!
//! Whoever waits for a lock holds a snapshot meanwhile, and an index that is built without blocking anybody waits for
//! all snapshots. So nobody waits: the lock is tried, and tried again after a pause in which no request is open.
//!
//! A pooler in transaction mode gives each transaction another session of the server. The lock would then be held by a
//! session that is somebody else's by now, and settings would be made for others. That shows in the numbers of the
//! sessions, and ends the run before it writes: [`Code::Pooler`].
//!
//! **Invariant:** a run that ends gives the lock back, as far as its connection lives.

use std::time::Duration;

use super::host::Host;
use super::scratch::text;
use crate::error::{Code, Error, Result};
use crate::run::{Connection, Failure, FailureKind};

/// The key of the lock: `Whimbrel` in ASCII.
const KEY: i64 = i64::from_be_bytes(*b"Whimbrel");

/// The time between two attempts, without jitter.
const PAUSE: Duration = Duration::from_millis(200);

/// The lock of a run, and the session of the server that holds it.
#[derive(Debug)]
pub struct Lock {
    session: String,
}

/// Takes the lock. It tries for about `limit`.
///
/// # Errors
/// [`Code::Busy`] where another run holds it, with who that is; [`Code::Pooler`] where requests do not reach one and the
/// same session.
pub async fn acquire<H: Host>(host: &mut H, limit: Duration) -> Result<Lock> {
    let failed = |f: Failure| f.error(Code::Database, "the lock of a run cannot be asked for");
    let attempt = format!("SELECT pg_catalog.pg_try_advisory_lock({KEY}), pg_catalog.pg_backend_pid()");
    let mut waited = Duration::ZERO;
    loop {
        let rows = host.query(&attempt).await.map_err(failed)?;
        let (taken, session) = rows.first().map(|row| (text(row, 0), text(row, 1))).unwrap_or_default();
        if taken == "t" {
            let lock = Lock { session };
            // One look may find the same session by chance.
            for _ in 0..3 {
                if let Err(e) = lock.check(host).await {
                    return Err(lock.give_up(host, e).await);
                }
            }
            return Ok(lock);
        }
        if waited >= limit {
            return Err(busy(host).await);
        }
        let pause = PAUSE + Duration::from_millis(host.chance() % 100);
        let pause = pause.min(limit - waited);
        host.wait(pause).await;
        waited += pause;
    }
}

/// Whether somebody's session, as `pg_locks l`, holds the lock.
fn held() -> String {
    let (high, low) = (KEY >> 32, KEY & 0xffff_ffff);
    format!(
        "l.locktype = 'advisory' AND l.classid = {high} AND l.objid = {low} AND l.objsubid = 1 AND l.granted \
         AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())"
    )
}

async fn busy<H: Host>(host: &mut H) -> Error {
    let sql = format!(
        "SELECT l.pid, a.application_name, a.usename FROM pg_catalog.pg_locks l \
         LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid WHERE {} LIMIT 1",
        held()
    );
    let error = Error::new(Code::Busy, "another run of Whimbrel is at work in this database");
    let error = match host.query(&sql).await.unwrap_or_default().first() {
        None => error,
        Some(row) => {
            let (pid, application, role) = (text(row, 0), text(row, 1), text(row, 2));
            let by = if role.is_empty() { String::new() } else { format!(" of the role {role}") };
            let name =
                if application.is_empty() { String::new() } else { format!(", which calls itself {application}") };
            error.cause(format!("the session {pid}{by} holds its lock{name}"))
        }
    };
    error.help("try again when the other one is done")
}

impl Lock {
    /// Checks that requests still reach the session that holds the lock.
    ///
    /// # Errors
    /// [`Code::Pooler`] where they do not.
    pub async fn check<C: Connection>(&self, connection: &mut C) -> Result<()> {
        let sql = format!(
            "SELECT pg_catalog.pg_backend_pid(), (SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks l \
             WHERE l.pid = pg_catalog.pg_backend_pid() AND {})",
            held()
        );
        let rows = connection.query(&sql).await;
        let rows = rows.map_err(|f| f.error(Code::Database, "the lock of the run cannot be looked at"))?;
        match rows.first() {
            Some(row) if text(row, 0) == self.session && text(row, 1) != "0" => Ok(()),
            _ => Err(pooler()),
        }
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// [`Code::NotRestored`] where that was not possible on a connection that lives. One that is gone has given it back.
    pub async fn release<C: Connection>(self, connection: &mut C) -> Result<()> {
        let unlock = format!("SELECT pg_catalog.pg_advisory_unlock({KEY})");
        match connection.query(&unlock).await {
            Ok(rows) if rows.first().is_some_and(|row| text(row, 0) == "t") => Ok(()),
            Err(f) if f.kind == FailureKind::Disconnected => Ok(()),
            Ok(_) => Err(not_given_back()),
            Err(f) => Err(not_given_back().cause(&f)),
        }
    }

    /// Behind a pooler the lock may be with any of its sessions: it is given back if one of the next requests comes
    /// there.
    async fn give_up<H: Host>(self, host: &mut H, error: Error) -> Error {
        // Only a session that holds the lock answers without a warning.
        let unlock = format!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_locks l WHERE l.pid = pg_catalog.pg_backend_pid() \
             AND {}) THEN pg_catalog.pg_advisory_unlock({KEY}) END",
            held()
        );
        for _ in 0..20 {
            match host.query(&unlock).await {
                Ok(rows) if rows.first().is_some_and(|row| text(row, 0) == "t") => return error,
                Ok(_) => host.wait(Duration::from_millis(20)).await,
                Err(_) => break,
            }
        }
        let session = &self.session;
        error.help(format!("the lock of the run may be left with session {session} until the pooler closes that"))
    }

    /// Gives the lock back after a run. An error of the run goes before one of the lock.
    pub(super) async fn finish<H: Host, T>(self, host: &mut H, outcome: Result<T>) -> Result<T> {
        match outcome {
            Ok(done) => self.release(host).await.map(|()| done),
            Err(e) if e.code() == Code::Pooler => Err(self.give_up(host, e).await),
            Err(e) => match self.release(host).await {
                Ok(()) => Err(e),
                Err(_) => Err(e.help("the lock of the run could not be given back: close this connection")),
            },
        }
    }
}

fn pooler() -> Error {
    Error::new(Code::Pooler, "the requests of this connection reach different sessions of the server")
        .help("connect to PostgreSQL itself, or to a pooler in session mode: one in transaction mode breaks locks")
}

fn not_given_back() -> Error {
    Error::new(Code::NotRestored, "the lock of the run could not be given back")
        .state(crate::error::State::Applied)
        .help("close this connection")
}
