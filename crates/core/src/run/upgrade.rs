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

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use super::apply::{cancelled, restore, set_up};
use super::inspect::{one_integer, read_rows};
use super::keys::Keys;
use super::prepare::transaction_open;
use super::replay::replayed;
use super::tracking::{
    Expected, Open, Tracking, add, begin, catalogue_fingerprint, compare, create_tables, read_state, read_tracking,
    seal, write,
};
use super::{Cancel, Connection, Event, Failure, FailureKind, Observer};
use crate::error::{Code, Error, Result};
use crate::history::script::{PhaseKind, Script};
use crate::history::standing::Item;
use crate::history::{
    Checksum, History, Migration, Origin, Policy, Record, RecordState, Standing, State, record, stamp,
};
use crate::schema;

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

/// Whether the header alone says that the database is at the newest version, with the schema it had then; and whether
/// reports wait.
///
/// # Errors
/// Where the header cannot be read.
pub async fn is_unchanged<C: Connection>(conn: &mut C, history: &History) -> Result<Option<bool>> {
    let header = conn.header().await.map_err(|f| f.error(Code::Database, "the header cannot be read"))?;
    let is_same = stamp::matches(header.user_version, history.newest(), &history.head, header.cookie);
    Ok(is_same.then(|| stamp::reports_wait(header.user_version)))
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
    if conn.in_transaction().await.map_err(|f| f.error(Code::Database, "the connection does not answer"))? {
        return Err(transaction_open());
    }
    let tracking = read_state(conn).await?;
    if let Some(state) = tracking.state.as_ref().filter(|state| state.stamped == record::IN_TABLE)
        && stamp::matches(tracking.stamp(), history.newest(), &history.head, tracking.header.cookie)
    {
        return Ok(Upgrade { from: state.idx, to: state.idx, ..Upgrade::default() });
    }
    let tracking = read_tracking(conn).await?;
    let is_new = tracking.is_fresh();
    let shortened = settings.to.map(|to| history.up_to(to));
    let known = shortened.as_ref().unwrap_or(history);
    let now = hooks.now();
    let mut run = Run { history: known, whole: history, settings, tracking, is_new, now, warnings: Vec::new() };
    let standing = match run.decide()? {
        Decision::Newer(upgrade) => return Ok(upgrade),
        Decision::Fresh => return run.create(conn, hooks, observer, cancel).await,
        Decision::Compared(standing) => standing,
    };
    run.check_drift(conn).await?;
    if standing.pending.is_empty() {
        return run.restamp(conn).await;
    }
    let scripts = run.scripts(&standing)?;
    run.check_attempts(observer)?;
    let counted = run.count_attempt(conn).await?;
    observer.event(&Event::UpgradeStarted {
        from: standing.newest_applied,
        to: known.newest(),
        migrations: standing.pending.len(),
    });
    let mut changed = Vec::new();
    let outcome = match set_up(conn, &mut changed).await {
        Ok(()) => run.segments(conn, &standing, &scripts, hooks, observer, cancel).await,
        Err(e) => Err(e),
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

/// What is done, with what became of the settings.
pub(super) fn finish<T>(outcome: Result<T>, restored: Result<(), Failure>) -> Result<T> {
    match (outcome, restored) {
        (Ok(done), Ok(())) => Ok(done),
        (Ok(_), Err(failure)) => Err(failure
            .error(Code::NotRestored, "all is applied, but a setting of the connection could not be put back")
            .state(crate::State::Applied)
            .help("open a new connection")),
        (Err(e), Ok(())) => Err(e),
        (Err(e), Err(_)) => Err(e.help("a setting of the connection could not be put back: open a new one")),
    }
}

/// What the comparison of app and database comes to.
enum Decision<'h> {
    /// The database is newer than the app, and lets it in.
    Newer(Upgrade),
    /// The database is empty.
    Fresh,
    /// The database has a history that fits.
    Compared(Standing<'h>),
}

struct Run<'r> {
    /// What is to be run.
    history: &'r History,
    /// All that the app knows.
    whole: &'r History,
    settings: &'r UpgradeSettings,
    tracking: Tracking,
    /// Whether the database was empty when the run began.
    is_new: bool,
    now: i64,
    warnings: Vec<String>,
}

impl<'r> Run<'r> {
    fn decide(&self) -> Result<Decision<'r>> {
        let tracking = &self.tracking;
        check_application(self.whole, tracking)?;
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
        let full = Standing::of(self.whole, &tracking.records, Policy::Allow);
        if let Some(problem) = full.blocker() {
            return Err(problem.error());
        }
        if !full.newer.is_empty() {
            return self.newer(state, &full).map(Decision::Newer);
        }
        let standing = Standing::of(self.history, &tracking.records, self.settings.policy);
        match standing.blocker() {
            Some(problem) => Err(problem.error()),
            None => Ok(Decision::Compared(standing)),
        }
    }

    /// The database has run what this app does not know. It is never modified; whether it is opened, its range says.
    fn newer(&self, state: &State, standing: &Standing<'_>) -> Result<Upgrade> {
        let app = self.whole.newest();
        let newest = standing.newer.last().map(Record::tag).unwrap_or_default();
        if app < state.min_reader {
            let message = format!(
                "the database is newer than this app: it has run {newest}, and this app knows {} migrations up to {app}",
                self.whole.migrations.len()
            );
            return Err(Error::new(Code::DatabaseNewer, message)
                .migration(newest)
                .help("update the app; the database is as it was")
                .help(format!("it can be read by apps that know migration {} or later", state.min_reader)));
        }
        let kind = UpgradeKind::Newer { writable: app >= state.min_writer };
        Ok(Upgrade { kind, from: state.idx, to: state.idx, ..Upgrade::default() })
    }

    fn check_attempts<O: Observer + ?Sized>(&self, observer: &mut O) -> Result<()> {
        let Some(state) = &self.tracking.state else { return Ok(()) };
        let is_same = state.attempted == self.history.head.to_string();
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
        let Some(state) = self.tracking.state.as_mut().filter(|_| self.settings.count_attempts) else {
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
        write(conn, &sql).await?;
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
        if self.tracking.records.iter().any(|record| record.state != RecordState::Done) {
            return Ok(());
        }
        let done = applied(self.whole, &self.tracking.records);
        let so_far = History::new(done.into_iter().cloned().collect(), None);
        let difference = match &self.whole.snapshot {
            Some(snapshot) if so_far.head == self.whole.head => {
                compare(conn, &Expected::Snapshot(snapshot), &self.settings.ignore).await?
            }
            _ => {
                let expected = replayed(conn, &so_far).await?.schema;
                compare(conn, &Expected::Schema(&expected), &self.settings.ignore).await?
            }
        };
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
        let done = applied(self.whole, &self.tracking.records);
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
    async fn still_same<C: Connection>(&self, conn: &mut C) -> Result<()> {
        let now = read_state(conn).await?;
        let uncounted =
            |state: &Option<State>| state.clone().map(|state| State { attempts: 0, attempted: String::new(), ..state });
        if uncounted(&now.state) == uncounted(&self.tracking.state)
            && now.header == self.tracking.header
            && now.has_objects == self.tracking.has_objects
        {
            return Ok(());
        }
        Err(Error::new(Code::Superseded, "another process has changed the database meanwhile").help("try again"))
    }

    /// A new database: straight to the snapshot where there is one that holds everything, else by all migrations.
    async fn create<C: Connection, H: Hooks<C>, O: Observer + ?Sized>(
        &mut self,
        conn: &mut C,
        hooks: &mut H,
        observer: &mut O,
        cancel: &Cancel,
    ) -> Result<Upgrade> {
        let Some(newest) = self.history.migrations.last() else { return Ok(Upgrade::default()) };
        let to = newest.idx;
        let snapshot = self.history.snapshot.as_deref().filter(|_| !newest.seeds && !self.settings.replay);
        let pending: Vec<Item<'_>> =
            self.history.migrations.iter().map(|migration| Item { migration, phases: 0 }).collect();
        let count = if snapshot.is_some() { 0 } else { pending.len() };
        let standing = Standing { pending, ..Standing::default() };
        let scripts = if snapshot.is_some() { Vec::new() } else { self.scripts(&standing)? };
        observer.event(&Event::UpgradeStarted { from: 0, to, migrations: count });
        let mut changed = Vec::new();
        let outcome = match set_up(conn, &mut changed).await {
            Err(e) => Err(e),
            Ok(()) => match snapshot {
                Some(snapshot) => self.make_from_snapshot(conn, snapshot, hooks, observer).await,
                None => self.segments(conn, &standing, &scripts, hooks, observer, cancel).await,
            },
        };
        let restored = restore(conn, &changed).await;
        if let Err(e) = &outcome {
            observer.event(&Event::Failed { code: e.code() });
        }
        let mut upgrade = finish(outcome, restored)?;
        upgrade.kind = UpgradeKind::Created;
        observer.event(&Event::Upgraded { from: 0, to });
        Ok(upgrade)
    }

    async fn make_from_snapshot<C: Connection, H: Hooks<C>, O: Observer + ?Sized>(
        &mut self,
        conn: &mut C,
        snapshot: &str,
        hooks: &mut H,
        observer: &mut O,
    ) -> Result<Upgrade> {
        let open = begin(conn).await?;
        let outcome: Result<()> = async {
            self.still_same(conn).await?;
            for sql in schema::snapshot_statements(snapshot)? {
                conn.execute(&sql).await.map_err(|f| {
                    f.error(Code::StatementFailed, "the snapshot cannot be made into a database").statement(&sql)
                })?;
            }
            hooks.at(conn, Moment::Created).await?;
            observer.event(&Event::Verifying);
            let records: Vec<Record> =
                self.history.originals().map(|m| self.record_of(m, Origin::Snapshot, 1, 0)).collect();
            self.verify(conn, &records, true).await?;
            self.record(conn, records, Finish::Whole).await
        }
        .await;
        self.end(conn, open, outcome).await?;
        observer.event(&Event::Committed);
        Ok(Upgrade { to: self.history.newest(), warnings: std::mem::take(&mut self.warnings), ..Upgrade::default() })
    }

    /// Reads all scripts that are to run: what cannot run ends it here, before anything is written.
    fn scripts(&self, standing: &Standing<'_>) -> Result<Vec<Script>> {
        let read = |item: &Item<'_>| item.migration.script().map_err(|e| e.migration(item.migration.tag()));
        standing.pending.iter().map(read).collect()
    }

    /// Runs what is pending, cut where something has to be committed by itself.
    async fn segments<C: Connection, H: Hooks<C>, O: Observer + ?Sized>(
        &mut self,
        conn: &mut C,
        standing: &Standing<'_>,
        scripts: &[Script],
        hooks: &mut H,
        observer: &mut O,
        cancel: &Cancel,
    ) -> Result<Upgrade> {
        let mut upgrade = Upgrade { kind: UpgradeKind::Upgraded, from: standing.newest_applied, ..Upgrade::default() };
        let batch = self.tracking.records.iter().map(|r| r.batch).max().unwrap_or(0) + 1;
        let of = standing.pending.len();
        let mut next = 0;
        loop {
            let is_single = |n: usize| !scripts[n].is_one_transaction();
            let end = match self.settings.transactions {
                _ if next < of && is_single(next) => next + 1,
                Transactions::Each => (next + 1).min(of),
                Transactions::Whole => (next..of).find(|n| is_single(*n)).unwrap_or(of),
            };
            let is_last = end == of;
            let segment = Segment {
                items: &standing.pending[next..end],
                scripts: &scripts[next..end],
                place: next,
                of,
                batch,
                is_last,
            };
            if next < of && is_single(next) {
                self.phases(conn, &segment, hooks, observer, cancel, &mut upgrade).await?;
            } else {
                self.together(conn, &segment, hooks, observer, cancel, &mut upgrade).await?;
            }
            next = end;
            if is_last {
                break;
            }
        }
        upgrade.to = self.tracking.state.as_ref().map_or(upgrade.from, |state| state.idx);
        upgrade.warnings = std::mem::take(&mut self.warnings);
        Ok(upgrade)
    }

    /// Runs migrations in one transaction.
    async fn together<C: Connection, H: Hooks<C>, O: Observer + ?Sized>(
        &mut self,
        conn: &mut C,
        segment: &Segment<'_, '_>,
        hooks: &mut H,
        observer: &mut O,
        cancel: &Cancel,
        upgrade: &mut Upgrade,
    ) -> Result<()> {
        let migrations: Vec<&Migration> = segment.items.iter().map(|item| item.migration).collect();
        let texts: Vec<&str> = migrations.iter().map(|m| &*m.up).collect();
        let has_steps = hooks.has_steps(&migrations);
        let mut applied = Vec::with_capacity(migrations.len());
        let open = begin(conn).await?;
        let outcome: Result<()> = async {
            self.still_same(conn).await?;
            let keys = Keys::count(conn, &texts, has_steps).await?;
            let mut records = Vec::with_capacity(migrations.len());
            for (n, (migration, script)) in migrations.iter().zip(segment.scripts).enumerate() {
                let start = hooks.now();
                let name = migration.tag();
                observer.event(&Event::Migration {
                    number: segment.place + n + 1,
                    of: segment.of,
                    name: &name,
                    statements: script.len(),
                });
                hooks.at(conn, Moment::Before(migration)).await.map_err(|e| e.migration(&name))?;
                in_transaction(conn, migration).await?;
                let statements = script.phases.iter().flat_map(|phase| &phase.statements);
                run_statements(conn, migration, statements, script.len(), observer, cancel).await?;
                hooks.at(conn, Moment::After(migration)).await.map_err(|e| e.migration(&name))?;
                in_transaction(conn, migration).await?;
                let took = (hooks.now() - start).max(0);
                self.push_records(&mut records, migration, segment.batch, took);
                applied.push((name, took));
            }
            if segment.is_last && self.is_new {
                hooks.at(conn, Moment::Created).await?;
            }
            observer.event(&Event::Verifying);
            keys.verify(conn, &mut self.warnings).await?;
            self.verify(conn, &records, segment.is_last).await?;
            if cancel.is_cancelled() {
                return Err(cancelled());
            }
            self.record(conn, records, segment.finish()).await
        }
        .await;
        self.end(conn, open, outcome).await?;
        upgrade.applied.append(&mut applied);
        observer.event(&Event::Committed);
        Ok(())
    }

    /// Runs one migration phase by phase. Each is recorded, so that the next start goes on behind it.
    async fn phases<C: Connection, H: Hooks<C>, O: Observer + ?Sized>(
        &mut self,
        conn: &mut C,
        segment: &Segment<'_, '_>,
        hooks: &mut H,
        observer: &mut O,
        cancel: &Cancel,
        upgrade: &mut Upgrade,
    ) -> Result<()> {
        let (item, script) = (&segment.items[0], &segment.scripts[0]);
        let migration = item.migration;
        let name = migration.tag();
        let start = hooks.now();
        let has_steps = hooks.has_steps(&[migration]);
        let event =
            Event::Migration { number: segment.place + 1, of: segment.of, name: &name, statements: script.len() };
        observer.event(&event);
        let last = script.phases.len().saturating_sub(1);
        for (n, phase) in script.phases.iter().enumerate().skip(item.phases as usize) {
            let texts: Vec<&str> = phase.statements.iter().map(|range| &migration.up[range.clone()]).collect();
            let runs_here = phase.kind == PhaseKind::Transaction;
            let mut keys = Keys::default();
            if !runs_here {
                if n == 0 && has_steps {
                    let open = begin(conn).await?;
                    let outcome: Result<()> = async {
                        self.still_same(conn).await?;
                        hooks.at(conn, Moment::Before(migration)).await.map_err(|e| e.migration(&name))?;
                        in_transaction(conn, migration).await?;
                        self.tracking.header = header(conn).await?;
                        Ok(())
                    }
                    .await;
                    self.end(conn, open, outcome).await?;
                }
                keys = Keys::count(conn, &texts, false).await?;
                let mut statements = phase.statements.iter();
                if phase.kind == PhaseKind::Backfill
                    && let Some(first) = statements.next()
                {
                    backfill(conn, migration, first, observer, cancel).await?;
                }
                run_statements(conn, migration, statements, script.len(), observer, cancel).await?;
                // What ran outside of a transaction may have changed the schema.
                self.tracking.header = header(conn).await?;
                self.tracking.has_objects = read_state(conn).await?.has_objects;
            }
            let open = begin(conn).await?;
            let outcome: Result<()> = async {
                self.still_same(conn).await?;
                let steps_here = has_steps && (n == last || (n == 0 && runs_here));
                if runs_here {
                    keys = Keys::count(conn, &texts, steps_here).await?;
                    if n == 0 {
                        hooks.at(conn, Moment::Before(migration)).await.map_err(|e| e.migration(&name))?;
                        in_transaction(conn, migration).await?;
                    }
                    run_statements(conn, migration, phase.statements.iter(), script.len(), observer, cancel).await?;
                }
                if n == last {
                    hooks.at(conn, Moment::After(migration)).await.map_err(|e| e.migration(&name))?;
                    if segment.is_last && self.is_new {
                        hooks.at(conn, Moment::Created).await?;
                    }
                    in_transaction(conn, migration).await?;
                    observer.event(&Event::Verifying);
                }
                match keys.verify(conn, &mut self.warnings).await {
                    // What ran outside of a transaction is there to stay; it can only be told.
                    Err(e) if !runs_here => self.warnings.push(e.to_string()),
                    outcome => outcome?,
                }
                let mut records = Vec::new();
                self.push_records(&mut records, migration, segment.batch, (hooks.now() - start).max(0));
                self.forget(conn, &records).await?;
                if n == last {
                    self.verify(conn, &records, segment.is_last).await?;
                    return self.record(conn, records, segment.finish()).await;
                }
                records.iter_mut().for_each(|record| record.state = RecordState::Phases(n as u32 + 1));
                self.record(conn, records, Finish::Part).await
            }
            .await;
            self.end(conn, open, outcome).await?;
            observer.event(&Event::Committed);
        }
        upgrade.applied.push((name, (hooks.now() - start).max(0)));
        Ok(())
    }

    /// Compares the schema with what it should be, before it is committed.
    async fn verify<C: Connection>(&mut self, conn: &mut C, records: &[Record], is_last: bool) -> Result<()> {
        if !is_last {
            return Ok(());
        }
        let all: Vec<Record> = self.tracking.records.iter().chain(records).cloned().collect();
        let done = applied(self.whole, &all);
        let head = Checksum::chain(done.iter().map(|m| &m.checksum));
        let difference = match &self.whole.snapshot {
            Some(snapshot) if head == self.whole.head => {
                compare(conn, &Expected::Snapshot(snapshot), &self.settings.ignore).await?
            }
            // All migrations have just run on an empty database: doing it again would say the same.
            _ if self.is_new => return Ok(()),
            _ => {
                let done = History::new(done.into_iter().cloned().collect(), None);
                let expected = replayed(conn, &done).await?.schema;
                compare(conn, &Expected::Schema(&expected), &self.settings.ignore).await?
            }
        };
        match difference.wrong.first() {
            Some(wrong) if !self.settings.accept_drift => {
                let message = format!("the migrations have not made the schema that they should: {wrong}");
                let error = Error::new(Code::VerificationFailed, message);
                let rest = difference.wrong[1..].iter().take(9).fold(error, |e, wrong| e.help(format!("and {wrong}")));
                Err(rest.help("a step of the app, or somebody by hand, has changed the schema"))
            }
            _ => Ok(()),
        }
    }

    /// The record of a migration that has run.
    fn record_of(&self, migration: &Migration, origin: Origin, batch: i64, milliseconds: i64) -> Record {
        let down = migration.down.as_ref().filter(|_| self.settings.keep_down);
        Record {
            down: down.map(|down| down.clone().into_owned()),
            ..Record::of(migration, origin, batch, self.now, milliseconds)
        }
    }

    /// The records of a migration that has run; where it was squashed, those of what it was squashed from.
    fn push_records(&self, records: &mut Vec<Record>, migration: &Migration, batch: i64, milliseconds: i64) {
        let origin = if migration.replaces.is_empty() { Origin::Run } else { Origin::Squash };
        records.extend(migration.originals().map(|m| self.record_of(m, origin, batch, milliseconds)));
    }

    /// Removes the records of a migration whose phases were recorded before.
    async fn forget<C: Connection>(&mut self, conn: &mut C, records: &[Record]) -> Result<()> {
        for record in records {
            if self.tracking.records.iter().any(|r| r.version == record.version) {
                write(conn, &record.delete()).await?;
                self.tracking.records.retain(|r| r.version != record.version);
            }
        }
        Ok(())
    }

    /// Writes records, state and stamp: the last thing in the transaction.
    async fn record<C: Connection>(&mut self, conn: &mut C, records: Vec<Record>, finish: Finish) -> Result<()> {
        create_tables(conn).await?;
        add(conn, &records).await?;
        let mut state = self.tracking.state.clone().unwrap_or_default();
        state.strategy = VERSIONED.to_owned();
        self.tracking.records.extend(records);
        if finish == Finish::Part {
            // Between two phases the database is at no version: no stamp fits, and only an app that knows the
            // migration goes on.
            state.head = Checksum::default();
            let newest = self.tracking.records.iter().map(|r| r.idx).max().unwrap_or(0);
            (state.min_reader, state.min_writer) = (newest, newest);
        } else {
            let done = applied(self.whole, &self.tracking.records);
            state.idx = done.last().map_or(0, |m| m.idx);
            state.head = Checksum::chain(done.iter().map(|m| &m.checksum));
            state.attempts = 0;
            state.attempted.clear();
            (state.min_reader, state.min_writer) = oldest_apps(&done)?;
        }
        seal(conn, state, &self.tracking, finish == Finish::Whole).await?;
        Ok(())
    }

    /// Ends a transaction, and remembers what the database says then.
    async fn end<C: Connection>(&mut self, conn: &mut C, open: Open, outcome: Result<()>) -> Result<()> {
        let outcome = match outcome {
            Ok(()) => read_state(conn).await,
            Err(e) => Err(e),
        };
        let sealed = open.end(conn, outcome).await?;
        self.tracking = Tracking { records: std::mem::take(&mut self.tracking.records), ..sealed };
        Ok(())
    }
}

async fn header<C: Connection>(conn: &mut C) -> Result<super::Header> {
    conn.header().await.map_err(|f| f.error(Code::Database, "the header cannot be read"))
}

/// The strategy's name in the state.
pub const VERSIONED: &str = "versioned";

/// Whether a transaction ends the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finish {
    /// It does.
    Whole,
    /// Other migrations follow.
    Version,
    /// The migration itself is not done.
    Part,
}

struct Segment<'s, 'h> {
    items: &'s [Item<'h>],
    scripts: &'s [Script],
    /// The place of the first one in the run, from 0.
    place: usize,
    of: usize,
    batch: i64,
    is_last: bool,
}

impl Segment<'_, '_> {
    fn finish(&self) -> Finish {
        if self.is_last { Finish::Whole } else { Finish::Version }
    }
}

/// Refuses a file whose header says that it is another application's.
fn check_application(history: &History, tracking: &Tracking) -> Result<()> {
    let Some(wanted) = history.snapshot.as_deref().and_then(schema::snapshot_application_id) else { return Ok(()) };
    let id = tracking.header.application_id;
    if id == 0 || id == wanted {
        return Ok(());
    }
    let message = format!("the database belongs to another application: its application_id is {id}, not {wanted}");
    Err(Error::new(Code::OtherApplication, message).help("check the path"))
}

pub(super) fn not_tracked() -> Error {
    Error::new(Code::NotTracked, "the database has tables, and no record of which migrations made them")
        .help("if another tool or an earlier version of the app made it, adopt it with `whimbrel migrate baseline`")
        .help("an app adopts the databases of its users with `Migrator::adopt`")
}

pub(super) fn drift(wrong: &[String]) -> Error {
    let message = format!("the schema was changed behind the migrations' back: {}", wrong[0]);
    let error =
        wrong[1..].iter().take(9).fold(Error::new(Code::Drift, message), |e, wrong| e.help(format!("and {wrong}")));
    error
        .help("put it back, or write a migration that expects it")
        .help("`whimbrel migrate status` shows all of it; --accept-drift takes the schema as it is")
}

/// The migrations of a history that are recorded as done, in the history's order.
pub(super) fn applied<'h>(history: &'h History, records: &[Record]) -> Vec<&'h Migration> {
    Standing::of(history, records, Policy::Allow).done
}

/// The oldest apps that may read and write a database which has run these: an app that does not know the last few has
/// to be let in by each of them. A migration that says nothing lets in only apps that know it.
pub(super) fn oldest_apps(done: &[&Migration]) -> Result<(u32, u32)> {
    let newest = done.last().map_or(0, |m| m.idx);
    let (mut reader, mut writer) = (newest, newest);
    let (mut needed_reader, mut needed_writer) = (0, 0);
    for (n, migration) in done.iter().enumerate().rev() {
        let script = migration.script()?;
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

async fn in_transaction<C: Connection>(conn: &mut C, migration: &Migration) -> Result<()> {
    match conn.in_transaction().await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::new(Code::TransactionLost, "a step ended the transaction").migration(migration.tag())),
        Err(f) => Err(f.error(Code::Database, "the connection does not answer")),
    }
}

/// Runs statements one by one; each must leave the transaction as it found it.
pub(super) async fn run_statements<'s, C: Connection, O: Observer + ?Sized>(
    conn: &mut C,
    migration: &Migration,
    statements: impl Iterator<Item = &'s Range<usize>>,
    of: usize,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<()> {
    let before = conn.in_transaction().await.map_err(|f| f.error(Code::Database, "the connection does not answer"))?;
    for (n, range) in statements.enumerate() {
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        conn.execute(&migration.up[range.clone()]).await.map_err(|f| failed(migration, range, &f))?;
        let after = conn.in_transaction().await.map_err(|f| failed(migration, range, &f))?;
        if after != before {
            return Err(Error::new(Code::TransactionLost, "a statement ended the transaction")
                .migration(migration.tag())
                .statement(&migration.up[range.clone()]));
        }
        observer.event(&Event::Statement { number: n + 1, of });
    }
    Ok(())
}

/// Runs a statement again and again until it changes no row.
async fn backfill<C: Connection, O: Observer + ?Sized>(
    conn: &mut C,
    migration: &Migration,
    range: &Range<usize>,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<()> {
    let sql = &migration.up[range.clone()];
    let mut done = 0;
    loop {
        if cancel.is_cancelled() {
            return Err(cancelled().help("what is done so far stays, and the next run goes on behind it"));
        }
        // A statement by itself is a transaction of its own.
        let before = one_integer(conn, "SELECT total_changes()").await?;
        conn.execute(sql).await.map_err(|f| failed(migration, range, &f))?;
        let rows = one_integer(conn, "SELECT total_changes()").await? - before;
        if rows <= 0 {
            return Ok(());
        }
        done += rows.unsigned_abs();
        observer.event(&Event::Portion { rows: done });
    }
}

/// A failed statement of a migration, with its place in the file.
pub(super) fn failed(migration: &Migration, range: &Range<usize>, failure: &Failure) -> Error {
    failed_in(&migration.path, &migration.up, range, failure).migration(migration.tag())
}

/// A failed statement, with its place in a text.
pub(super) fn failed_in(path: &str, text: &str, range: &Range<usize>, failure: &Failure) -> Error {
    let sql = &text[range.clone()];
    let source = schema::Source { name: path.to_owned(), text: text.to_owned() };
    // SQLite says where in the statement, at times; a statement over many lines is not underlined whole.
    let start = range.start + failure.offset.filter(|at| sql.is_char_boundary(*at)).unwrap_or(0);
    let line = text[start..range.end].find('\n').map_or(range.end, |n| start + n);
    let origin = schema::Origin { source: Some(Arc::new(source)), range: start..line };
    let (code, message) = match failure.kind {
        FailureKind::Constraint => (Code::RowsDoNotFit, format!("{path}: rows do not fit")),
        _ => (Code::StatementFailed, format!("{path}: a statement failed")),
    };
    failure.error(code, message).statement(sql).at(&origin, failure.message.clone())
}
