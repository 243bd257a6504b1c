//! Brings a database from any version of a history to the newest, migration by migration.

use super::phases::{Runner, Sealing, Text, fingerprint};
use super::replay::{expected, is_about_place};
use super::tracking::{create_tables, read_home, read_live};
use crate::error::{Code, Error, Result};
use crate::history::script::Script;
use crate::history::{Checksum, History, Migration, Model, Origin, POSTGRES, Record, RecordState, State};
use crate::postgres::expand::refuse_expanded;
use crate::postgres::host::Host;
use crate::postgres::run::RunSettings;
use crate::postgres::scratch::{Scratch, refuse_transaction};
use crate::postgres::session::acquire;
use crate::run::{
    Cancel, Connection, Decision, Difference, Event, Observer, Tracking, Upgrade, UpgradeKind, UpgradeSettings,
    VERSIONED, applied, decide, drift, oldest_apps,
};

/// The host's clock, in milliseconds since 1970.
pub(super) type Clock<'c> = &'c mut (dyn FnMut() -> i64 + Send);

/// Whether the database says that it is at the newest version: one row is read, however long the history. Whether
/// somebody has changed the schema by hand is asked before the next migration runs.
///
/// # Errors
/// Where the record cannot be read.
pub async fn is_unchanged<C: Connection>(conn: &mut C, history: &History) -> Result<bool> {
    let tracking = read_home(conn).await?.0;
    let is_done = tracking.records.iter().all(|record| record.state == RecordState::Done);
    Ok(is_done && tracking.state.is_some_and(|state| state.strategy == VERSIONED && state.head == history.head))
}

/// Brings a database to the newest version of a history, or to [`UpgradeSettings::to`]. Each migration is committed by
/// itself; [`UpgradeSettings::transactions`] is not asked.
///
/// # Errors
/// The [state](crate::State) in the error says what the database holds: where something is committed, the next run goes
/// on from there. [`Code::Busy`] where another run is at work, or a lock could not be had in time.
#[allow(clippy::too_many_arguments)]
pub async fn upgrade<H: Host, O: Observer + ?Sized>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    history: &History,
    settings: &UpgradeSettings,
    run: &RunSettings,
    clock: Clock<'_>,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<Upgrade> {
    refuse_transaction(host).await?;
    let lock = acquire(host, run.lock_wait).await?;
    let outcome = upgrade_locked(host, scratch, history, settings, run, clock, observer, cancel).await;
    if let Err(e) = &outcome {
        observer.event(&Event::Failed { code: e.code() });
    }
    lock.finish(host, outcome).await
}

#[allow(clippy::too_many_arguments)]
async fn upgrade_locked<H: Host, O: Observer + ?Sized>(
    host: &mut H,
    mut scratch: Scratch<'_, H>,
    history: &History,
    settings: &UpgradeSettings,
    run: &RunSettings,
    clock: Clock<'_>,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<Upgrade> {
    let (mut tracking, home) = read_home(host).await?;
    let shortened = settings.to.map(|to| history.up_to(to));
    let known = shortened.as_ref().unwrap_or(history);
    let is_new = tracking.is_fresh();
    if is_new {
        // The same way as any other database: what a schema does not hold stands in the migrations only.
        tracking.state = Some(new_state());
    }
    let standing = match decide(&POSTGRES, history, known, &tracking, settings.policy)? {
        Decision::Newer(upgrade) => return Ok(upgrade),
        Decision::Fresh => return Err(Error::new(Code::Damaged, "the record of migrations cannot be understood")),
        Decision::Compared(standing) => standing,
    };
    let from = standing.newest_applied;
    if standing.pending.is_empty() {
        return Ok(Upgrade { from, to: from, ..Upgrade::default() });
    }
    let mut warnings = Vec::new();
    check_drift(host, scratch.again(), history, &tracking, settings, &mut warnings).await?;
    let read = |migration: &Migration| migration.script().map_err(|e| e.migration(migration.tag()));
    let scripts: Vec<Script> = standing.pending.iter().map(|item| read(item.migration)).collect::<Result<_>>()?;
    let all: Vec<&Migration> = standing.pending.iter().map(|item| item.migration).collect();
    let target = after(known, &tracking.records, &all, history);
    let wanted = match expected(host, scratch, &target, &settings.ignore).await {
        Ok(model) => Some(model),
        Err(e) if is_about_place(&e) => {
            warnings.push(format!(
                "the result is not verified, because no scratch place can be made: {}",
                e.report().message
            ));
            None
        }
        Err(e) => return Err(e),
    };
    let migrations = standing.pending.len();
    observer.event(&Event::UpgradeStarted { from, to: target.newest(), migrations });
    let mut runner = Runner::new(host, run, observer, cancel, home).await?;
    make_tables(host, &mut runner).await?;
    let batch = tracking.records.iter().map(|record| record.batch).max().unwrap_or_default() + 1;
    let mut upgrade =
        Upgrade { kind: if is_new { UpgradeKind::Created } else { UpgradeKind::Upgraded }, from, ..Upgrade::default() };
    let mut records = tracking.records.clone();
    for (n, (item, script)) in standing.pending.iter().zip(&scripts).enumerate() {
        let migration = item.migration;
        let tag = migration.tag();
        runner.event(&Event::Migration { number: n + 1, of: migrations, name: &tag, statements: script.len() });
        let started = clock();
        let is_last = n + 1 == migrations;
        let text = Text { path: &migration.path, tag: &tag, text: &migration.up, of: script.len() };
        let mut seal = |at: usize, is_end: bool| {
            let now = clock();
            let record_of = |migration: &Migration, origin: Origin| {
                let down = migration.down.as_deref().filter(|_| settings.keep_down).map(str::to_owned);
                Record { down, ..Record::of(migration, origin, batch, now, now - started) }
            };
            let mut sealing =
                Sealing { ignore: &settings.ignore, accept_drift: settings.accept_drift, ..Sealing::default() };
            if is_end {
                // An app of before a squash knows the database by what it was squashed from.
                let origin = if migration.replaces.is_empty() { Origin::Run } else { Origin::Squash };
                sealing.records = migration.originals().map(|original| record_of(original, origin)).collect();
                records.retain(|old| sealing.records.iter().all(|new| new.version != old.version));
                records.extend(sealing.records.iter().cloned());
                sealing.expected = wanted.as_ref().filter(|_| is_last);
            } else {
                let phases = u32::try_from(at + 1).unwrap_or(u32::MAX);
                let state = RecordState::Phases(phases);
                let checksum = migration.checksum_of_phases(phases).unwrap_or_default();
                sealing.records = vec![Record { state, checksum, ..record_of(migration, Origin::Run) }];
            }
            // Also between two phases: a database whose first migration stops there is known by it.
            sealing.state = Some(state_of(&tracking, known, &records)?);
            Ok(sealing)
        };
        runner.script(host, text, script, item.phases as usize, &mut seal).await?;
        upgrade.applied.push((tag, clock() - started));
    }
    upgrade.to = applied(&POSTGRES, known, &records).last().map_or(0, |m| m.idx);
    for warning in runner.warnings {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    upgrade.warnings = warnings;
    observer.event(&Event::Upgraded { from: upgrade.from, to: upgrade.to });
    Ok(upgrade)
}

/// The state of a database that has run nothing.
pub(super) fn new_state() -> State {
    State { strategy: VERSIONED.to_owned(), ..State::default() }
}

/// The history of what a database has run once these have run too; with the snapshot where that is all.
fn after(known: &History, records: &[Record], pending: &[&Migration], whole: &History) -> History {
    let mut done = applied(&POSTGRES, known, records);
    done.extend(pending.iter().flat_map(|migration| migration.originals()));
    of_these(known, &done, whole)
}

/// The history of what a database has run; with the snapshot where that is all that is known.
pub(super) fn so_far(whole: &History, records: &[Record]) -> History {
    of_these(whole, &applied(&POSTGRES, whole, records), whole)
}

/// The history of these migrations. What a squash was made from may be gone: where all of it has run, the squash itself
/// stands there.
fn of_these(known: &History, done: &[&Migration], whole: &History) -> History {
    let is_done = |m: &Migration| done.iter().any(|d| std::ptr::eq(*d, m));
    let mut migrations: Vec<Migration> = Vec::new();
    for migration in known.migrations.iter() {
        match migration.originals().all(is_done) {
            true => migrations.push(migration.clone()),
            false => migrations.extend(migration.originals().filter(|m| is_done(m)).cloned()),
        }
    }
    with_snapshot(History::new(migrations, None), whole)
}

fn with_snapshot(mut history: History, whole: &History) -> History {
    if history.head == whole.head {
        history.snapshot.clone_from(&whole.snapshot);
    }
    history
}

/// The row about the whole database behind these records.
pub(super) fn state_of(tracking: &Tracking, history: &History, records: &[Record]) -> Result<State> {
    let done = applied(&POSTGRES, history, records);
    let (min_reader, min_writer) = oldest_apps(&POSTGRES, &done)?;
    Ok(State {
        idx: done.last().map_or(0, |m| m.idx),
        head: Checksum::chain(done.iter().map(|m| &m.checksum)),
        fingerprint: String::new(),
        min_reader,
        min_writer,
        ..tracking.state.clone().unwrap_or_else(new_state)
    })
}

pub(super) async fn make_tables<H: Host, O: Observer + ?Sized>(host: &mut H, runner: &mut Runner<'_, O>) -> Result<()> {
    let mut home = std::mem::take(&mut runner.home);
    let outcome = create_tables(host, &mut home).await;
    runner.home = home;
    outcome.map_err(|f| {
        let message = "the tables for the record of migrations cannot be made";
        f.error(Code::Database, message).help("the role needs the right to make tables in the first schema of its path")
    })
}

/// Whether the schema is still the one that the last upgrade left; what is another is a warning where that is accepted.
/// One that is between two phases of `push` is not.
pub(super) async fn check_drift<H: Host>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    history: &History,
    tracking: &Tracking,
    settings: &UpgradeSettings,
    warnings: &mut Vec<String>,
) -> Result<()> {
    refuse_expanded(host).await?;
    let difference = match read_drift(host, scratch, history, tracking, &settings.ignore, false).await {
        Ok(difference) => difference.unwrap_or_default(),
        Err(e) if is_about_place(&e) => {
            warnings.push(format!(
                "the schema is not compared, because no scratch place can be made: {}",
                e.report().message
            ));
            return Ok(());
        }
        Err(e) => return Err(e),
    };
    warnings.extend(difference.extra.iter().map(|e| format!("{e} is in the database, and no migration makes it")));
    if difference.wrong.is_empty() {
        return Ok(());
    }
    if settings.accept_drift {
        warnings.extend(difference.wrong.iter().map(|wrong| format!("changed by hand: {wrong}")));
        return Ok(());
    }
    Err(drift(&difference.wrong))
}

/// What differs between the database and what its migrations make, where the schema is not the one that the last upgrade
/// left, or `always`. None where nothing was compared: nothing has run, a migration is between two phases, or the schema
/// is as it was.
///
/// # Errors
/// Where the schema cannot be read, or what the migrations make cannot be worked out.
pub async fn read_drift<H: Host>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    history: &History,
    tracking: &Tracking,
    ignore: &[String],
    always: bool,
) -> Result<Option<Difference>> {
    let Some(state) = &tracking.state else { return Ok(None) };
    // A migration that was stopped between two of its phases leaves what no version has.
    let is_between = tracking.records.iter().any(|record| record.state != RecordState::Done);
    if tracking.records.is_empty() || is_between {
        return Ok(None);
    }
    let live: Model = read_live(host, ignore).await?;
    if !always && !state.fingerprint.is_empty() && fingerprint(&live) == state.fingerprint {
        return Ok(None);
    }
    let made = expected(host, scratch, &so_far(history, &tracking.records), ignore).await?;
    live.differences(&made).map(Some)
}
