//! The app's own steps on the way, as the engine's procedures call them.

use std::error::Error as StdError;

use whimbrel_core::history::Migration;
use whimbrel_core::run::{Hooks, Moment, Refill, UpgradeKind};
use whimbrel_core::{Code, Error, Result};

use super::ByMigration;
use crate::sqlite_host::{self, Sqlite};

/// What a step of the app gives back: any error undoes the transaction.
pub type StepResult = std::result::Result<(), Box<dyn StdError + Send + Sync>>;

/// How a database came to be ready, for [`Migrator::before_open`](super::Migrator::before_open).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// Whether it was made just now.
    pub was_created: bool,
    /// The number of the newest migration it had before; none where it was made just now.
    pub from: Option<u32>,
    /// The number of the newest migration it has.
    pub to: u32,
    /// What was done.
    pub kind: UpgradeKind,
}

impl Details {
    /// Whether migrations have run just now.
    pub fn had_upgrade(&self) -> bool {
        self.kind == UpgradeKind::Upgraded
    }
}

pub(super) type Step<'a> = Box<dyn FnMut(&rusqlite::Connection) -> StepResult + 'a>;
type TableStep<'a> = Box<dyn FnMut(&rusqlite::Connection, &str) -> StepResult + 'a>;

/// What fills tables that were made anew.
pub(super) struct Filling<'a>(pub Option<TableStep<'a>>);

/// The app's steps.
#[derive(Default)]
pub(super) struct Steps<'a> {
    pub before: ByMigration<Step<'a>>,
    pub after: ByMigration<Step<'a>>,
    pub on_create: Vec<Step<'a>>,
}

/// A failed step. Its message is the app's own.
pub(super) fn failed(e: &(dyn StdError + Send + Sync + 'static)) -> Error {
    let busy = e.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
    match busy {
        Some(rusqlite::ErrorCode::DatabaseBusy) => {
            Error::new(Code::Busy, "the database is locked by another connection").cause(e)
        }
        _ => Error::new(Code::AppStep, "a step of the app failed").cause(e),
    }
}

impl Refill<Sqlite<'_>> for Filling<'_> {
    async fn fill(&mut self, host: &mut Sqlite<'_>, table: &str) -> Result<()> {
        let conn = host.conn();
        self.0.as_mut().map_or(Ok(()), |step| step(conn, table)).map_err(|e| failed(&*e))
    }
}

impl Hooks<Sqlite<'_>> for Steps<'_> {
    fn now(&mut self) -> i64 {
        sqlite_host::now()
    }

    fn has_steps(&self, migrations: &[&Migration]) -> bool {
        let has = |idx: &u32| self.before.contains_key(idx) || self.after.contains_key(idx);
        migrations.iter().any(|migration| has(&migration.idx))
    }

    async fn at(&mut self, host: &mut Sqlite<'_>, moment: Moment<'_>) -> Result<()> {
        let conn = host.conn();
        let steps = match moment {
            Moment::Before(migration) => self.before.get_mut(&migration.idx),
            Moment::After(migration) => self.after.get_mut(&migration.idx),
            Moment::Created => Some(&mut self.on_create),
        };
        steps.into_iter().flatten().try_for_each(|step| step(conn)).map_err(|e| failed(&*e))
    }
}
