//! Databases that follow a declared schema: auto-alter, which plans, and disposable, which makes anew.
//!
//! Only the constructors of these two name what is in here, and with it the planner.

use std::path::Path;

use whimbrel_core::history::adopt::bookkeeping;
use whimbrel_core::run::{self, Observer, Upgrade, UpgradeKind, block_on};
use whimbrel_core::{Result, Schema, State};

use super::{Migrator, Strategy};
use crate::sqlite_host::{Interrupt, Sqlite};

/// The name of the strategy in the database.
const AUTO_ALTER: &str = "auto-alter";

/// The database is compared with the schema, and changed where it differs.
pub(super) struct AutoAlter<'a>(pub &'a Schema);

/// What differs from the schema is made anew, and is empty.
pub(super) struct Disposable<'a>(pub &'a Schema);

impl<'a> Strategy<'a> for AutoAlter<'a> {
    fn unchanged(&self, _: &mut Migrator<'a>, conn: &rusqlite::Connection) -> Result<Option<Upgrade>> {
        let is_same = block_on(run::is_as_declared(&mut Sqlite::new(conn), self.0, AUTO_ALTER))?;
        Ok(is_same.then(Upgrade::default))
    }

    fn upgrade(
        &self,
        migrator: &mut Migrator<'a>,
        conn: &mut rusqlite::Connection,
        path: Option<&Path>,
    ) -> Result<Upgrade> {
        let schema = self.0;
        let tracking = block_on(run::read_tracking(&mut Sqlite::new(conn)))?;
        run::check_strategy(&tracking, AUTO_ALTER)?;
        if run::is_kept(&tracking, schema, AUTO_ALTER) {
            return Ok(Upgrade::default());
        }
        let is_new = run::is_being_made(&tracking);
        if tracking.is_fresh() {
            block_on(run::begin_keeping(&mut Sqlite::new(conn), AUTO_ALTER))?;
        }
        // What another tool keeps for itself is nothing that a schema declares.
        let mut declared = migrator.declared.clone();
        declared.ignore.extend(bookkeeping().map(str::to_owned));
        declared.at_once = true;
        let plan = block_on(run::make_plan(&mut Sqlite::new(conn), schema, &declared, &mut |_: &_| None))?;
        let mut upgrade = Upgrade::default();
        if !plan.is_empty() {
            if let (Some(backups), Some(path), false) = (migrator.backups, path, is_new) {
                backups.create(conn, path)?;
            }
            let mut nobody = ();
            let observer: &mut dyn Observer = match &mut migrator.observer {
                Some(observer) => *observer,
                None => &mut nobody,
            };
            let interrupt = Interrupt::new(conn, migrator.stop.as_ref());
            let mut host = Sqlite::new(interrupt.conn());
            let mut nothing = |_: &_| None;
            let run = run::run_at_once(&mut host, &plan, schema, &declared, &mut nothing, observer, &migrator.cancel);
            upgrade.warnings = block_on(run)?.warnings;
            upgrade.kind = UpgradeKind::Upgraded;
        }
        if is_new {
            upgrade.kind = UpgradeKind::Created;
        }
        let kept = block_on(run::keep(&mut Sqlite::new(conn), schema, AUTO_ALTER, &mut migrator.steps));
        // The plan is committed, whatever becomes of the record: the next start finds the schema as declared.
        kept.map_err(
            |e| if plan.is_empty() || e.report().state == State::Unknown { e } else { e.state(State::Applied) },
        )?;
        Ok(upgrade)
    }
}

impl<'a> Strategy<'a> for Disposable<'a> {
    fn unchanged(&self, _: &mut Migrator<'a>, conn: &rusqlite::Connection) -> Result<Option<Upgrade>> {
        let is_same = block_on(run::is_as_declared(&mut Sqlite::new(conn), self.0, run::DISPOSABLE))?;
        Ok(is_same.then(Upgrade::default))
    }

    fn upgrade(
        &self,
        migrator: &mut Migrator<'a>,
        conn: &mut rusqlite::Connection,
        _: Option<&Path>,
    ) -> Result<Upgrade> {
        let interrupt = Interrupt::new(conn, migrator.stop.as_ref());
        let made = block_on(run::recreate(&mut Sqlite::new(interrupt.conn()), self.0, &mut migrator.refill))?;
        let kind = match (made.created, made.tables.is_empty()) {
            (true, _) => UpgradeKind::Created,
            (false, true) => UpgradeKind::Unchanged,
            (false, false) => UpgradeKind::Upgraded,
        };
        Ok(Upgrade { kind, applied: made.tables.into_iter().map(|t| (t, 0)).collect(), ..Upgrade::default() })
    }
}
