//! Versioned: the database goes from any version to the newest by the migrations of a history.
//!
//! Around the upgrade itself: a backup where the app wants one, brought back where something is left half done; databases
//! of other tools, and of newer apps; reports. Each of these is reached only through what the app's builder has stored.

use std::path::Path;
use std::time::Instant;

use whimbrel_core::history::adopt::Tool;
use whimbrel_core::history::{History, Policy, Record, Standing};
use whimbrel_core::run::{self, Observer, Tracking, Upgrade, UpgradeKind, block_on};
use whimbrel_core::{Code, Error, Result, State};

use super::{Migrator, Strategy};
use crate::backup::{self, Backup};
use crate::sqlite_host::{Interrupt, Sqlite, error, integer, now};

/// Adopts what another tool has migrated, where it did, and tells what the database then says of its history.
pub(super) type Adopt<'a> = fn(&mut Migrator<'a>, &rusqlite::Connection, &History, Tracking) -> Result<Tracking>;

/// Undoes what this app does not know.
pub(super) type GoBack<'a> = fn(&mut Migrator<'a>, &mut rusqlite::Connection, &History, &Tracking) -> Result<Upgrade>;

/// The strategy.
pub(super) struct Versioned<'a>(pub &'a History);

impl<'a> Strategy<'a> for Versioned<'a> {
    fn unchanged(&self, migrator: &mut Migrator<'a>, conn: &rusqlite::Connection) -> Result<Option<Upgrade>> {
        let history = self.0;
        let Some(waiting) = block_on(run::is_unchanged(&mut Sqlite::new(conn), history))? else { return Ok(None) };
        let mut warnings = Vec::new();
        if waiting && let Some(reports) = &mut migrator.reports {
            reports.deliver(conn, &mut warnings);
        }
        let idx = history.newest();
        Ok(Some(Upgrade { from: idx, to: idx, warnings, ..Upgrade::default() }))
    }

    fn upgrade(
        &self,
        migrator: &mut Migrator<'a>,
        conn: &mut rusqlite::Connection,
        path: Option<&Path>,
    ) -> Result<Upgrade> {
        let start = Instant::now();
        let history = self.0;
        let mut before = block_on(run::read_tracking(&mut Sqlite::new(conn)))?;
        if let Some(adopt) = migrator.adopt.filter(|_| before.state.is_none() && !before.is_fresh()) {
            before = adopt(migrator, conn, history, before)?;
        }
        let is_old = before.state.is_some() && !before.records.is_empty();
        let backup = match (migrator.backups, path) {
            (Some(backups), Some(path)) if is_old && run::has_pending(history, &before, migrator.settings.policy) => {
                Some((backups, path, backups.create(conn, path)?, data_version(conn)?))
            }
            _ => None,
        };
        let mut outcome = run_upgrade(migrator, conn, history);
        if let Some(go_back) = migrator.go_back.filter(|_| is_newer(&outcome)) {
            outcome = go_back(migrator, conn, history, &before);
        }
        if let (Err(e), Some((backups, path, backup, version))) = (&outcome, &backup) {
            outcome = Err((backups.bring_back)(conn, path, backup, *version, &before, e));
        }
        if let Some(reports) = &mut migrator.reports {
            reports.report(conn, history, &before, &mut outcome, start.elapsed());
        }
        outcome
    }

    fn history(&self) -> Option<&'a History> {
        Some(self.0)
    }
}

fn run_upgrade(migrator: &mut Migrator<'_>, conn: &mut rusqlite::Connection, history: &History) -> Result<Upgrade> {
    let interrupt = Interrupt::new(conn, migrator.stop.as_ref());
    let mut nobody = ();
    let observer: &mut dyn Observer = match &mut migrator.observer {
        Some(observer) => *observer,
        None => &mut nobody,
    };
    let mut host = Sqlite::new(interrupt.conn());
    block_on(run::upgrade(&mut host, history, &migrator.settings, &mut migrator.steps, observer, &migrator.cancel))
}

/// Adopts a database that another tool has migrated.
pub(super) fn adopt(
    migrator: &mut Migrator<'_>,
    conn: &rusqlite::Connection,
    history: &History,
    tracking: Tracking,
) -> Result<Tracking> {
    let mut host = Sqlite::new(conn);
    let Some((tool, applied)) = block_on(run::read_other_tool(&mut host, history))? else { return Ok(tracking) };
    let baseline = run::Baseline {
        applied,
        takes_user_version: tool == Tool::UserVersion,
        accept_drift: migrator.settings.accept_drift,
        ignore: migrator.settings.ignore.clone(),
        now: now(),
    };
    block_on(run::baseline(&mut host, history, &baseline))?;
    block_on(run::read_tracking(&mut host))
}

/// Undoes what this app does not know, where the newer app has left the scripts for it.
pub(super) fn go_back(
    migrator: &mut Migrator<'_>,
    conn: &mut rusqlite::Connection,
    history: &History,
    before: &Tracking,
) -> Result<Upgrade> {
    let newer = Standing::of(history, &before.records, Policy::Allow).newer;
    let versions: Vec<&str> = newer.iter().map(|r| r.version.as_str()).collect();
    let mut undone: Vec<Record> =
        before.records.iter().filter(|r| versions.contains(&r.version.as_str())).cloned().collect();
    undone.reverse();
    downgrade(migrator, conn, history, &undone)
}

/// Undoes these migrations, in this order.
pub(super) fn downgrade(
    migrator: &mut Migrator<'_>,
    conn: &mut rusqlite::Connection,
    history: &History,
    records: &[Record],
) -> Result<Upgrade> {
    let interrupt = Interrupt::new(conn, migrator.stop.as_ref());
    let mut nobody = ();
    let observer: &mut dyn Observer = match &mut migrator.observer {
        Some(observer) => *observer,
        None => &mut nobody,
    };
    let mut host = Sqlite::new(interrupt.conn());
    block_on(run::downgrade(&mut host, history, records, &migrator.settings, observer, &migrator.cancel))
}

/// What the app's backups are made and brought back by.
#[derive(Clone, Copy)]
pub(super) struct Backups {
    keep: usize,
    create: fn(&rusqlite::Connection, &Path, usize) -> Result<Backup>,
    bring_back: fn(&rusqlite::Connection, &Path, &Backup, i64, &Tracking, &Error) -> Error,
}

impl Backups {
    /// Keeps the newest.
    pub(super) fn of(keep: usize) -> Backups {
        Backups { keep, create: backup::create, bring_back }
    }

    /// Makes one.
    pub(super) fn create(self, conn: &rusqlite::Connection, path: &Path) -> Result<Backup> {
        (self.create)(conn, path, self.keep)
    }
}

fn is_newer(outcome: &Result<Upgrade>) -> bool {
    match outcome {
        Ok(upgrade) => matches!(upgrade.kind, UpgradeKind::Newer { .. }),
        Err(e) => e.code() == Code::DatabaseNewer,
    }
}

/// Changes when another connection commits.
fn data_version(conn: &rusqlite::Connection) -> Result<i64> {
    integer(conn, "PRAGMA main.data_version").map_err(|e| error(e, Code::Database, "the database does not answer"))
}

/// Brings the backup back where a failed upgrade has left something behind, unless somebody else has written since.
fn bring_back(
    conn: &rusqlite::Connection,
    path: &Path,
    backup: &Backup,
    version: i64,
    before: &Tracking,
    failure: &Error,
) -> Error {
    let again = || failure.again();
    let now = block_on(run::read_tracking(&mut Sqlite::new(conn)));
    let is_as_before = now.is_ok_and(|now| now.records == before.records && now.header.cookie == before.header.cookie);
    if is_as_before {
        return again();
    }
    if data_version(conn).ok() != Some(version) {
        return again().help(format!(
            "somebody else has written to the database meanwhile, so the backup {} was not brought back",
            backup.path.display()
        ));
    }
    match backup::restore(backup, path) {
        Ok(()) => again().state(State::RolledBack).help("the backup was brought back"),
        Err(e) => again().help(format!("the backup {} could not be brought back: {e}", backup.path.display())),
    }
}
