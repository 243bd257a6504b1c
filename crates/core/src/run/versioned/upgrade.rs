//! Brings a database from any version of a history to the newest, or leaves it as it is.
//!
//! 1. The header decides whether there is anything to do at all ([`is_unchanged`]).
//! 2. What the database says of its history is compared with what the app knows; what does not fit ends it here, and
//!    nothing is changed.
//! 3. The attempt is counted, so that an upgrade that never comes to its end is not tried for ever.
//! 4. The migrations run, all in one transaction or each in its own: steps of the app, statements, foreign keys against
//!    the violations that were there before, the schema against the snapshot, then the record and the stamp; commit.
//!
//! **Invariant:** the record of a migration is written in the transaction of what it records.
//! **Invariant:** whatever request fails, and wherever the process ends, the database holds a version that the record
//! names, and the next upgrade goes on from it.

use std::collections::HashSet;

use super::keys::words;
use super::replay::expected;
use super::segments::scripts;
use super::tracking::{Tracking, begin, catalogue_fingerprint, compare, read_state, read_tracking, seal, write_alone};
use super::{ATTEMPTS, Hooks, Upgrade, UpgradeKind, UpgradeSettings, VERSIONED, drift, is_being_made, not_tracked};
use crate::error::{Code, Error, Result};
use crate::history::{
    Checksum, Grammar, History, Migration, Policy, Record, RecordState, SQLITE, Standing, State, record, stamp,
};
use crate::planted::{self, Planted};
use crate::run::apply::{finish, restore, set_up};
use crate::run::inspect::{header, read_rows};
use crate::run::prepare::outside_transactions;
use crate::run::{Cancel, Connection, Event, Observer};
use crate::schema::fold;

/// Whether the header alone says that the database is at the newest version, with the schema it had then; and whether
/// reports wait. No record is read, however long the history.
///
/// # Errors
/// Where the header cannot be read.
pub async fn is_unchanged<C: Connection>(conn: &mut C, history: &History) -> Result<Option<bool>> {
    let header = header(conn).await?;
    let matches = |found: i32| stamp::matches(found, history.newest(), &history.head, header.cookie);
    if matches(header.user_version) {
        return Ok(Some(stamp::reports_wait(header.user_version)));
    }
    // Where the app uses that number for itself, one row of the record says the same.
    let tracking = read_state(conn).await?;
    let is_in_table = tracking.state.as_ref().is_some_and(|state| state.stamped == record::IN_TABLE);
    Ok((is_in_table && matches(tracking.stamp())).then(|| stamp::reports_wait(tracking.stamp())))
}

/// Brings a database to the newest version of a history.
///
/// # Errors
/// The [state](crate::State) in the error says what the database holds. [`Code::Superseded`] where another process came
/// in between: call it again.
pub async fn upgrade<C: Connection, H: Hooks<C>, O: Observer + ?Sized>(
    conn: &mut C,
    history: &History,
    settings: &UpgradeSettings,
    hooks: &mut H,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<Upgrade> {
    outside_transactions(conn).await?;
    let tracking = read_tracking(conn).await?;
    let is_new = is_being_made(&tracking);
    let shortened = settings.to.map(|to| history.up_to(to));
    let known = shortened.as_ref().unwrap_or(history);
    let now = hooks.now();
    let is_begun = is_begun(&tracking);
    let mut run =
        Run { history: known, whole: history, settings, tracking, is_begun, is_new, now, warnings: Vec::new() };
    let (standing, scripts, snapshot) = match decide(&SQLITE, history, known, &run.tracking, settings.policy)? {
        Decision::Newer(upgrade) => return Ok(upgrade),
        Decision::Fresh if known.migrations.is_empty() => return Ok(Upgrade::default()),
        Decision::Fresh => run.first(known)?,
        Decision::Compared(standing) => {
            run.check_drift(conn).await?;
            if standing.pending.is_empty() {
                return run.restamp(conn).await;
            }
            let scripts = scripts(&standing)?;
            let texts: Vec<&str> = standing.pending.iter().map(|item| &*item.migration.up).collect();
            check_shadows(conn, &texts).await?;
            run.check_attempts(observer)?;
            (standing, scripts, None)
        }
    };
    let counted = run.count_attempt(conn).await?;
    let migrations = if snapshot.is_some() { 0 } else { standing.pending.len() };
    observer.event(&Event::UpgradeStarted { from: standing.newest_applied, to: known.newest(), migrations });
    let mut changed = Vec::new();
    let outcome = match set_up(conn, &mut changed).await {
        Err(e) => Err(e),
        Ok(()) => match snapshot {
            Some(snapshot) => run.make_from_snapshot(conn, snapshot, hooks, observer).await,
            None => run.segments(conn, &standing, &scripts, hooks, observer, cancel).await,
        },
    };
    let restored = restore(conn, &changed).await;
    if let Err(e) = &outcome {
        // Not the upgrade's own failure: trying again costs nothing.
        let is_elsewhere = matches!(
            e.code(),
            Code::Busy | Code::Superseded | Code::Cancelled | Code::DiskSpace | Code::ReadOnly | Code::Setting
        );
        if counted && is_elsewhere {
            run.uncount_attempt(conn).await;
        }
        observer.event(&Event::Failed { code: e.code() });
    }
    let upgrade = finish(outcome, restored)?;
    observer.event(&Event::Upgraded { from: upgrade.from, to: upgrade.to });
    Ok(upgrade)
}

/// What the comparison of app and database comes to.
pub(crate) enum Decision<'h> {
    /// The database is newer than the app, and lets it in.
    Newer(Upgrade),
    /// The database is empty.
    Fresh,
    /// The database has a history that fits.
    Compared(Standing<'h>),
}

/// Compares what an app knows with what a database says of itself.
pub(crate) fn decide<'r>(
    grammar: &'static Grammar,
    whole: &'r History,
    history: &'r History,
    tracking: &Tracking,
    policy: Policy,
) -> Result<Decision<'r>> {
    if !whole.migrations.is_empty() && whole.dialect() != grammar.dialect {
        let (theirs, own) = (whole.dialect().title(), grammar.dialect.title());
        let message = format!("these are migrations of {theirs}, and the database is {own}");
        return Err(Error::new(Code::Journal, message)
            .help("the folder's journal says what they are for; without one, say so where the folder is opened"));
    }
    check_application(whole, tracking)?;
    if tracking.is_fresh() {
        return Ok(Decision::Fresh);
    }
    let Some(state) = &tracking.state else {
        return Err(not_tracked());
    };
    if state.strategy != VERSIONED {
        let message = format!("the database is kept as {}, and not by versioned migrations", state.strategy);
        return Err(Error::new(Code::NotTracked, message)
            .help("open it the way it was made, or adopt it with `whimbrel migrate baseline`"));
    }
    // Against all that the app knows: a database that is ahead of `--to` is not newer than the app.
    let full = Standing::by(grammar, whole, &tracking.records, Policy::Allow);
    if let Some(problem) = full.blocker() {
        return Err(problem.error());
    }
    if !full.newer.is_empty() && !planted::is(Planted::NewerDatabaseWritten) {
        return newer(whole, state, &full).map(Decision::Newer);
    }
    let standing = Standing::by(grammar, history, &tracking.records, policy);
    match standing.blocker() {
        Some(problem) => Err(problem.error()),
        None => Ok(Decision::Compared(standing)),
    }
}

/// The database has run what this app does not know. It is never modified; whether it is opened, its range says.
fn newer(whole: &History, state: &State, standing: &Standing<'_>) -> Result<Upgrade> {
    let app = whole.newest();
    let newest = standing.newer.last().map(Record::tag).unwrap_or_default();
    if app < state.min_reader {
        let message = format!(
            "the database is newer than this app: it has run {newest}, and this app knows migrations up to number {app}"
        );
        return Err(Error::new(Code::DatabaseNewer, message)
            .migration(newest)
            .help("update the app; the database is as it was")
            .help(format!("it can be read by apps that know migration {} or later", state.min_reader)));
    }
    let kind = UpgradeKind::Newer { writable: app >= state.min_writer };
    Ok(Upgrade { kind, from: state.idx, to: state.idx, ..Upgrade::default() })
}

pub(super) struct Run<'r> {
    /// What is to be run.
    pub(super) history: &'r History,
    /// All that the app knows.
    pub(super) whole: &'r History,
    pub(super) settings: &'r UpgradeSettings,
    pub(super) tracking: Tracking,
    /// Whether the last commit has left a migration that is begun. The records in `tracking` run ahead of the commit.
    pub(super) is_begun: bool,
    /// Whether the database was empty when the run began.
    pub(super) is_new: bool,
    pub(super) now: i64,
    pub(super) warnings: Vec<String>,
}

/// Whether a migration has run in part.
pub(super) fn is_begun(tracking: &Tracking) -> bool {
    tracking.records.iter().any(|record| record.state != RecordState::Done)
}

impl<'r> Run<'r> {
    fn check_attempts<O: Observer + ?Sized>(&self, observer: &mut O) -> Result<()> {
        let Some(state) = &self.tracking.state else { return Ok(()) };
        let is_same = state.attempted == self.history.head.to_string() || planted::is(Planted::HoldNotReleased);
        if !is_same || state.attempts < ATTEMPTS || self.settings.retry || !self.settings.count_attempts {
            return Ok(());
        }
        observer.event(&Event::Held);
        let message = format!("{} upgrades in a row did not come to their end: nothing more is tried", state.attempts);
        Err(Error::new(Code::Held, message)
            .help("the database is as it was: the app may go on with it read-only, or in an older version")
            .help("release a version with the cause removed, or let the app ask for another attempt"))
    }

    /// Counts this start before it does anything, in a transaction of its own: what ends the process in the middle
    /// leaves the count behind.
    async fn count_attempt<C: Connection>(&mut self, conn: &mut C) -> Result<bool> {
        let Some(state) = self.tracking.state.as_mut().filter(|_| self.settings.count_attempts && !self.is_new) else {
            return Ok(false);
        };
        let head = self.history.head.to_string();
        state.attempts = if state.attempted == head { state.attempts + 1 } else { 1 };
        state.attempted = head;
        let sql = format!(
            "UPDATE main.{} SET attempts = {}, attempted = '{}'",
            record::STATE,
            state.attempts,
            state.attempted
        );
        write_alone(conn, &sql).await?;
        Ok(true)
    }

    /// Takes the count back. Where that fails too, one start more is counted than should be.
    async fn uncount_attempt<C: Connection>(&self, conn: &mut C) {
        let sql = format!("UPDATE main.{} SET attempts = max(attempts - 1, 0)", record::STATE);
        let _ = conn.execute(&sql).await;
    }

    /// Whether the schema is still the one that the last upgrade left. SQLite counts every change of it, so most starts
    /// need not look.
    async fn check_drift<C: Connection>(&mut self, conn: &mut C) -> Result<()> {
        let Some(state) = &self.tracking.state else { return Ok(()) };
        if state.cookie == self.tracking.header.cookie || state.fingerprint.is_empty() {
            return Ok(());
        }
        if catalogue_fingerprint(&read_rows(conn).await?).to_string() == state.fingerprint {
            return Ok(());
        }
        // A migration that was stopped between two of its phases leaves what no version has.
        if self.is_begun {
            return Ok(());
        }
        let done = applied(&SQLITE, self.whole, &self.tracking.records);
        let expected = expected(conn, self.whole, &done).await.map_err(|e| {
            Error::new(Code::Drift, "the schema was changed, and what it should be cannot be worked out").cause(e)
        })?;
        let difference = compare(conn, expected, &self.settings.ignore).await?;
        for extra in &difference.extra {
            self.warnings.push(format!("{extra} is in the database, and no migration makes it"));
        }
        if difference.wrong.is_empty() {
            return Ok(());
        }
        if self.settings.accept_drift {
            self.warnings.extend(difference.wrong.iter().map(|wrong| format!("changed by hand: {wrong}")));
            return Ok(());
        }
        Err(drift(&difference.wrong))
    }

    /// Nothing is to be run; the stamp is put right, so that the next start knows it from the header.
    async fn restamp<C: Connection>(&mut self, conn: &mut C) -> Result<Upgrade> {
        let done = applied(&SQLITE, self.whole, &self.tracking.records);
        let idx = done.last().map_or(0, |m| m.idx);
        let head = Checksum::chain(done.iter().map(|m| &m.checksum));
        let upgrade =
            Upgrade { from: idx, to: idx, warnings: std::mem::take(&mut self.warnings), ..Upgrade::default() };
        let Some(state) = &self.tracking.state else { return Ok(upgrade) };
        if stamp::matches(self.tracking.stamp(), idx, &head, self.tracking.header.cookie) {
            return Ok(upgrade);
        }
        let state = State { idx, head, attempts: 0, attempted: String::new(), ..state.clone() };
        let outcome = match begin(conn).await {
            Err(e) => Err(e),
            Ok(open) => {
                let outcome: Result<()> = async {
                    self.still_same(conn).await?;
                    seal(conn, state, &self.tracking, true).await.map(|_| ())
                }
                .await;
                self.end(conn, open, outcome).await
            }
        };
        match outcome {
            // The stamp only saves time: on a medium that cannot be written, every start takes a longer look.
            Err(e) if e.code() != Code::ReadOnly => Err(e),
            _ => Ok(upgrade),
        }
    }

    /// Inside the transaction: another process may have done the same, or something else, meanwhile. Whatever writes
    /// the record writes the state, so the state tells.
    pub(super) async fn still_same<C: Connection>(&self, conn: &mut C) -> Result<()> {
        let now = read_state(conn).await?;
        let uncounted =
            |state: &Option<State>| state.clone().map(|state| State { attempts: 0, attempted: String::new(), ..state });
        if uncounted(&now.state) == uncounted(&self.tracking.state)
            && now.header == self.tracking.header
            && now.has_objects == self.tracking.has_objects
            || planted::is(Planted::NoSecondLook)
        {
            return Ok(());
        }
        Err(Error::new(Code::Superseded, "another process has changed the database meanwhile").help("try again"))
    }
}

/// Refuses to run where a temporary object of the connection would be taken for the database's: scripts do not say which
/// they mean.
pub(super) async fn check_shadows<C: Connection>(conn: &mut C, scripts: &[&str]) -> Result<()> {
    let sql = "SELECT DISTINCT name FROM temp.sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let rows = conn.query(sql).await.map_err(|f| f.error(Code::Database, "temporary objects cannot be listed"))?;
    if rows.is_empty() {
        return Ok(());
    }
    let named: HashSet<String> = scripts.iter().flat_map(|script| words(script)).collect();
    let names = rows.iter().filter_map(|row| row.first()?.text());
    match names.into_iter().find(|name| named.contains(&fold(name))) {
        None => Ok(()),
        Some(name) => Err(Error::new(
            Code::BrokenDependent,
            format!("{name} is a temporary object of this connection, and would be taken for the database's"),
        )
        .object(name)
        .help("migrate before anything temporary is made, or drop it first")),
    }
}

/// Refuses a file whose header says that it is another application's.
fn check_application(history: &History, tracking: &Tracking) -> Result<()> {
    let Some(wanted) = history.snapshot.as_ref().and_then(|snapshot| snapshot.application_id) else { return Ok(()) };
    let id = tracking.header.application_id;
    if id == 0 || id == wanted {
        return Ok(());
    }
    let message = format!("the database belongs to another application: its application_id is {id}, not {wanted}");
    Err(Error::new(Code::OtherApplication, message).help("check the path"))
}

/// Whether an upgrade would run anything.
pub fn has_pending(history: &History, tracking: &Tracking, policy: Policy) -> bool {
    let standing = Standing::by(&SQLITE, history, &tracking.records, policy);
    !standing.pending.is_empty() && standing.blocker().is_none()
}

/// The migrations of a history that are recorded as done, in the history's order.
pub(crate) fn applied<'h>(grammar: &'static Grammar, history: &'h History, records: &[Record]) -> Vec<&'h Migration> {
    Standing::by(grammar, history, records, Policy::Allow).done
}

/// The oldest apps that may read and write a database which has run these: an app that does not know the last few has
/// to be let in by each of them. A migration that says nothing lets in only apps that know it.
pub(crate) fn oldest_apps(grammar: &'static Grammar, done: &[&Migration]) -> Result<(u32, u32)> {
    let newest = done.last().map_or(0, |m| m.idx);
    let (mut reader, mut writer) = (newest, newest);
    let (mut needed_reader, mut needed_writer) = (0, 0);
    for (n, migration) in done.iter().enumerate().rev() {
        let script = migration.script_by(grammar)?;
        let own_writer = script.min_writer.unwrap_or(migration.idx);
        needed_writer = needed_writer.max(own_writer);
        needed_reader = needed_reader.max(script.min_reader.unwrap_or(own_writer).min(own_writer));
        let older = if n == 0 { 0 } else { done[n - 1].idx };
        // The older the app, the more migrations it does not know: once shut out, it stays so.
        if needed_reader > older {
            break;
        }
        if reader == migration.idx {
            reader = older;
        }
        if writer == migration.idx && needed_writer <= older {
            writer = older;
        }
    }
    Ok((reader, writer))
}
