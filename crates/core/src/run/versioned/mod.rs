//! Versioned migrations on a database: upgrades, ways back, adoption, and databases that are kept in other ways.
//!
//! What the values of [`history`](crate::history) mean for a live database is done here, over the
//! [`Connection`](super::Connection) trait. Everything that writes holds a transaction, looks again inside it, and
//! writes the record with what it records.

mod baseline;
mod downgrade;
mod keys;
mod recreate;
mod replay;
mod segments;
mod statements;
mod tracking;
mod upgrade;

use std::future::Future;

pub(crate) use baseline::take_over;
pub use baseline::{Baseline, baseline, find_version, read_other_tool, repair_records};
pub use downgrade::{downgrade, undone};
pub use recreate::{
    DISPOSABLE, Recreation, Refill, begin_keeping, check_strategy, is_as_declared, is_being_made, is_kept, keep,
    recreate,
};
pub use replay::{Replayed, replay, replay_each};
pub(crate) use statements::failed_in;
pub use tracking::{Tracking, read_tracking};
pub(crate) use upgrade::{Decision, applied, decide, oldest_apps};
pub use upgrade::{has_pending, is_unchanged, upgrade};

use super::Connection;
use crate::error::{Code, Error, Result};
use crate::history::{Migration, Policy};

/// The strategy's name in the state.
pub const VERSIONED: &str = "versioned";

/// How an upgrade is done.
#[derive(Debug, Clone, Default)]
pub struct UpgradeSettings {
    /// One transaction for all, or one for each migration.
    pub transactions: Transactions,
    /// What is done with migrations that came in late.
    pub policy: Policy,
    /// The number to stop at; none for the newest.
    pub to: Option<u32>,
    /// Whether a new database replays all migrations instead of going straight to the snapshot.
    pub replay: bool,
    /// Whether a schema that was changed by hand is taken as it is.
    pub accept_drift: bool,
    /// Patterns of tables and views that are nobody's business.
    pub ignore: Vec<String>,
    /// Whether starts that do not come to their end are counted, and given up after the third. The caller holds a lock
    /// against other processes: they would be counted too.
    pub count_attempts: bool,
    /// Whether another attempt is made although several have failed.
    pub retry: bool,
    /// Whether the scripts that undo migrations are kept in the database, so that an older app, which does not know
    /// them, can go back.
    pub keep_down: bool,
}

/// What is committed together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transactions {
    /// The whole upgrade: the database is at the old version or at the newest.
    #[default]
    Whole,
    /// Each migration: after a failure, the database is at the version before the one that failed.
    Each,
}

/// Starts in a row that may fail before nothing more is tried.
pub const ATTEMPTS: u32 = 3;

/// What an upgrade has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upgrade {
    /// What it was.
    pub kind: UpgradeKind,
    /// The number of the newest migration before; 0 where there was none.
    pub from: u32,
    /// The number of the newest migration now.
    pub to: u32,
    /// The migrations that ran, by version and name, with the milliseconds that each took.
    pub applied: Vec<(String, i64)>,
    /// What is worth a warning.
    pub warnings: Vec<String>,
}

/// What an upgrade was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UpgradeKind {
    /// Nothing had to be done.
    #[default]
    Unchanged,
    /// The database was empty, and is new.
    Created,
    /// The database was older.
    Upgraded,
    /// The database is newer than the app, and lets it in; nothing was changed.
    Newer {
        /// Whether the app may write it.
        writable: bool,
    },
    /// The database was newer, and went back.
    Downgraded,
}

/// What the app itself does on the way.
pub trait Hooks<C: Connection> {
    /// The time, in milliseconds since 1970.
    fn now(&mut self) -> i64;

    /// Whether there is a step of the app's own for any of these migrations.
    fn has_steps(&self, migrations: &[&Migration]) -> bool;

    /// Does what the app wants done at this moment, inside the transaction.
    ///
    /// # Errors
    /// Whatever the step fails with; the transaction is rolled back.
    fn at(&mut self, conn: &mut C, moment: Moment<'_>) -> impl Future<Output = Result<()>>;
}

/// A moment of an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment<'m> {
    /// Before the statements of a migration.
    Before(&'m Migration),
    /// After them.
    After(&'m Migration),
    /// A new database has its schema.
    Created,
}

/// Nothing is done.
impl<C: Connection> Hooks<C> for () {
    fn now(&mut self) -> i64 {
        0
    }

    fn has_steps(&self, _: &[&Migration]) -> bool {
        false
    }

    async fn at(&mut self, _: &mut C, _: Moment<'_>) -> Result<()> {
        Ok(())
    }
}

pub(crate) fn not_tracked() -> Error {
    Error::new(Code::NotTracked, "the database has tables, and no record of which migrations made them")
        .help("if another tool or an earlier version of the app made it, adopt it with `whimbrel migrate baseline`")
        .help("an app adopts the databases of its users with `Migrator::adopt`")
}

/// A schema that is not the one it should be, with the first few of the differences.
pub(crate) fn differs(code: Code, message: &str, wrong: &[String]) -> Error {
    let [first, rest @ ..] = wrong else { return Error::new(code, message) };
    let error = Error::new(code, format!("{message}: {first}"));
    rest.iter().take(9).fold(error, |e, wrong| e.help(format!("and {wrong}")))
}

pub(crate) fn drift(wrong: &[String]) -> Error {
    differs(Code::Drift, "the schema was changed behind the migrations' back", wrong)
        .help("put it back, or write a migration that expects it")
        .help("`whimbrel migrate status` shows all of it; --accept-drift takes the schema as it is")
}
