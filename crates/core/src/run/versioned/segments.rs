//! The part of an upgrade that writes: migrations cut into what is committed together, each part with its record.

use super::keys::Keys;
use super::recreate::BEGUN;
use super::replay::expected;
use super::statements::{backfill, in_transaction, run_statements};
use super::tracking::{Open, Tracking, add, begin, compare, create_tables, read_state, seal, write};
use super::upgrade::{Run, applied, is_begun, oldest_apps};
use super::{Hooks, Moment, Transactions, Upgrade, UpgradeKind, VERSIONED, differs};
use crate::error::{Code, Error, Result, State};
use crate::history::script::{PhaseKind, Script};
use crate::history::standing::Item;
use crate::history::{Checksum, History, Migration, Origin, Record, RecordState, SQLITE, Snapshot, Standing};
use crate::planted::{self, Planted};
use crate::run::apply::cancelled;
use crate::run::inspect::header;
use crate::run::{Cancel, Connection, Event, Observer};

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

/// What an upgrade is to do: what is pending, with its scripts, or the snapshot that stands for it.
pub(super) type Work<'r> = (Standing<'r>, Vec<Script>, Option<&'r Snapshot>);

/// Reads all scripts that are to run: what cannot run ends it here, before anything is written.
pub(super) fn scripts(standing: &Standing<'_>) -> Result<Vec<Script>> {
    let read = |item: &Item<'_>| item.migration.script_by(&SQLITE).map_err(|e| e.migration(item.migration.tag()));
    standing.pending.iter().map(read).collect()
}

impl<'r> Run<'r> {
    /// What makes a new database: the snapshot where there is one that holds everything, else all migrations.
    pub(super) fn first(&self, history: &'r History) -> Result<Work<'r>> {
        let seeds =
            history.migrations.last().is_some_and(|newest| newest.seeds) && !planted::is(Planted::SeedsForgotten);
        let pending = history.migrations.iter().map(|migration| Item { migration, phases: 0 }).collect();
        let standing = Standing { pending, ..Standing::default() };
        match history.snapshot.as_ref().filter(|_| !seeds && !self.settings.replay) {
            Some(snapshot) => Ok((standing, Vec::new(), Some(snapshot))),
            None => scripts(&standing).map(|scripts| (standing, scripts, None)),
        }
    }

    pub(super) async fn make_from_snapshot<C: Connection, H: Hooks<C>, O: Observer + ?Sized>(
        &mut self,
        conn: &mut C,
        snapshot: &Snapshot,
        hooks: &mut H,
        observer: &mut O,
    ) -> Result<Upgrade> {
        let open = begin(conn).await?;
        let outcome: Result<()> = async {
            self.still_same(conn).await?;
            let owner = snapshot.application_id.map(|id| format!("PRAGMA main.application_id = {id}"));
            for sql in owner.as_deref().into_iter().chain(snapshot.statements.iter().map(|sql| &**sql)) {
                conn.execute(sql).await.map_err(|f| {
                    f.error(Code::StatementFailed, "the snapshot cannot be made into a database").statement(sql)
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
        let warnings = std::mem::take(&mut self.warnings);
        Ok(Upgrade { kind: UpgradeKind::Created, to: self.history.newest(), warnings, ..Upgrade::default() })
    }

    /// Runs what is pending, cut where something has to be committed by itself.
    pub(super) async fn segments<C: Connection, H: Hooks<C>, O: Observer + ?Sized>(
        &mut self,
        conn: &mut C,
        standing: &Standing<'_>,
        scripts: &[Script],
        hooks: &mut H,
        observer: &mut O,
        cancel: &Cancel,
    ) -> Result<Upgrade> {
        let kind = if self.is_new { UpgradeKind::Created } else { UpgradeKind::Upgraded };
        let mut upgrade = Upgrade { kind, from: standing.newest_applied, ..Upgrade::default() };
        let batch = self.tracking.records.iter().map(|r| r.batch).max().unwrap_or(0) + 1;
        let batch = if planted::is(Planted::BatchNotRaised) { 1 } else { batch };
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
                let outcome = self.phases(conn, &segment, hooks, observer, cancel, &mut upgrade).await;
                let is_begun = |e: &Error| self.is_begun && e.code() != Code::OutcomeUnknown;
                outcome.map_err(|e| if is_begun(&e) { e.state(State::Begun) } else { e })?;
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
                let statements = script.phases.iter().flat_map(|phase| &phase.statements);
                run_statements(conn, migration, statements, script.len(), false, observer, cancel).await?;
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
            if planted::is(Planted::VersionInAnotherTransaction) {
                let _ = (conn.execute("COMMIT").await, conn.execute("BEGIN EXCLUSIVE").await);
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
                let is_begun = self.tracking.records.iter().any(|r| r.version == migration.version);
                if n == 0 && !is_begun {
                    // That it was begun is recorded first: what a stop leaves behind is then no change by hand.
                    let open = begin(conn).await?;
                    let outcome: Result<()> = async {
                        self.still_same(conn).await?;
                        hooks.at(conn, Moment::Before(migration)).await.map_err(|e| e.migration(&name))?;
                        in_transaction(conn, migration).await?;
                        self.record_phases(conn, migration, segment.batch, 0).await
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
                run_statements(conn, migration, statements, script.len(), true, observer, cancel).await?;
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
                    }
                    run_statements(conn, migration, phase.statements.iter(), script.len(), false, observer, cancel)
                        .await?;
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
                if n != last && planted::is(Planted::PhaseNotRecorded) {
                    return Ok(());
                }
                if n != last {
                    return self.record_phases(conn, migration, segment.batch, n as u32 + 1).await;
                }
                let mut records = Vec::new();
                self.push_records(&mut records, migration, segment.batch, (hooks.now() - start).max(0));
                self.forget(conn, &records).await?;
                self.verify(conn, &records, segment.is_last).await?;
                self.record(conn, records, segment.finish()).await
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
        let done = applied(&SQLITE, self.whole, &all);
        // All migrations have just run on an empty database: doing it again would say the same.
        if self.is_new && self.whole.snapshot_of(&done).is_none() {
            return Ok(());
        }
        let expected = match expected(conn, self.whole, &done).await {
            Ok(expected) => expected,
            // A script may need functions that only the app's own connection has.
            Err(e) => {
                self.warnings.push(format!("the schema could not be compared with the migrations': {e}"));
                return Ok(());
            }
        };
        let difference = compare(conn, expected, &self.settings.ignore).await?;
        if difference.wrong.is_empty() || self.settings.accept_drift {
            return Ok(());
        }
        let message = "the migrations have not made the schema that they should";
        Err(differs(Code::VerificationFailed, message, &difference.wrong)
            .help("a step of the app, or somebody by hand, has changed the schema"))
    }

    /// The record of a migration that has run.
    fn record_of(&self, migration: &Migration, origin: Origin, batch: i64, milliseconds: i64) -> Record {
        let down = migration.down.as_ref().filter(|_| self.settings.keep_down);
        Record {
            down: match planted::is(Planted::DownScriptWrong) {
                true => down.map(|_| migration.up.clone().into_owned()),
                false => down.map(|down| down.clone().into_owned()),
            },
            ..Record::of(migration, origin, batch, self.now, milliseconds)
        }
    }

    /// The records of a migration that has run; where it was squashed, those of what it was squashed from.
    fn push_records(&self, records: &mut Vec<Record>, migration: &Migration, batch: i64, milliseconds: i64) {
        let origin = if migration.replaces.is_empty() { Origin::Run } else { Origin::Squash };
        records.extend(migration.originals().map(|m| self.record_of(m, origin, batch, milliseconds)));
    }

    /// Records how many phases of a migration are done.
    async fn record_phases<C: Connection>(
        &mut self,
        conn: &mut C,
        migration: &Migration,
        batch: i64,
        phases: u32,
    ) -> Result<()> {
        let mut records = Vec::new();
        self.push_records(&mut records, migration, batch, 0);
        self.forget(conn, &records).await?;
        for (record, original) in records.iter_mut().zip(migration.originals()) {
            record.state = RecordState::Phases(phases);
            record.checksum = original.checksum_of_phases_by(&SQLITE, phases).unwrap_or(record.checksum);
        }
        self.record(conn, records, Finish::Part).await
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
        // Between two migrations that run one after the other nothing has to be counted from the beginning.
        let follows = records.iter().all(|record| record.idx > state.idx) && (state.idx == 0) == is_start(&state.head);
        let next = (finish == Finish::Version && follows).then(|| {
            let head = records.iter().fold(state.head, |head, record| head.then(&record.checksum));
            (records.last().map_or(state.idx, |record| record.idx), head)
        });
        self.tracking.records.extend(records);
        if let Some((idx, head)) = next {
            (state.idx, state.head) = (idx, head);
            (state.min_reader, state.min_writer) = (idx, idx);
            state.attempts = 0;
            state.attempted.clear();
        } else if finish == Finish::Part {
            // Between two phases the database is at no version: no stamp fits, and only an app that knows the
            // migration goes on.
            state.head = Checksum::default();
            let newest = self.tracking.records.iter().map(|r| r.idx).max().unwrap_or(0);
            (state.min_reader, state.min_writer) = (newest, newest);
        } else {
            let done = applied(&SQLITE, self.whole, &self.tracking.records);
            state.idx = done.last().map_or(0, |m| m.idx);
            state.head = Checksum::chain(done.iter().map(|m| &m.checksum));
            state.attempts = 0;
            state.attempted.clear();
            (state.min_reader, state.min_writer) = oldest_apps(&SQLITE, &done)?;
        }
        if self.is_new && finish != Finish::Whole {
            state.attempted = BEGUN.to_owned();
        }
        seal(conn, state, &self.tracking, finish == Finish::Whole).await?;
        Ok(())
    }

    /// Ends a transaction, and remembers what the database says then.
    pub(super) async fn end<C: Connection>(&mut self, conn: &mut C, open: Open, outcome: Result<()>) -> Result<()> {
        let outcome = match outcome {
            Ok(()) => read_state(conn).await,
            Err(e) => Err(e),
        };
        let sealed = open.end(conn, outcome).await?;
        self.tracking = Tracking { records: std::mem::take(&mut self.tracking.records), ..sealed };
        self.is_begun = is_begun(&self.tracking);
        Ok(())
    }
}

/// Whether a chain has no link yet.
fn is_start(head: &Checksum) -> bool {
    *head == Checksum::default()
}
