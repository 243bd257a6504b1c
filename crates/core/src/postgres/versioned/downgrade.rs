//! Takes a database back: the scripts that undo migrations, newest first, each committed by itself.

use super::phases::{Runner, Sealing, Text, Undone};
use super::replay::{expected, is_about_place};
use super::tracking::read_home;
use super::upgrade::{Clock, check_drift, so_far, state_of};
use crate::dialect::Dialect;
use crate::error::{Code, Error, Result};
use crate::history::script::Script;
use crate::history::{History, POSTGRES, Record, RecordState, checksum_of_phases};
use crate::postgres::host::Host;
use crate::postgres::run::RunSettings;
use crate::postgres::scratch::{Scratch, refuse_transaction};
use crate::postgres::session::acquire;
use crate::run::{Cancel, Event, Observer, Upgrade, UpgradeKind, UpgradeSettings, applied, not_tracked};

/// Undoes these migrations, in this order. Their scripts are those of the history, or those that the database keeps.
///
/// What is left at the end must be what the history says of it, or the last of them is not undone.
///
/// # Errors
/// [`Code::Irreversible`] where one of them has no way back, before anything is written; else as
/// [`upgrade`](super::upgrade()).
#[allow(clippy::too_many_arguments)]
pub async fn downgrade<H: Host, O: Observer + ?Sized>(
    host: &mut H,
    scratch: Scratch<'_, H>,
    history: &History,
    records: &[Record],
    settings: &UpgradeSettings,
    run: &RunSettings,
    clock: Clock<'_>,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<Upgrade> {
    refuse_transaction(host).await?;
    let lock = acquire(host, run.lock_wait).await?;
    let outcome = undo(host, scratch, history, records, settings, run, clock, observer, cancel).await;
    if let Err(e) = &outcome {
        observer.event(&Event::Failed { code: e.code() });
    }
    lock.finish(host, outcome).await
}

/// A script that undoes a migration.
struct Way {
    path: String,
    text: String,
    script: Script,
    /// How many of its phases are done.
    done: u32,
}

#[allow(clippy::too_many_arguments)]
async fn undo<H: Host, O: Observer + ?Sized>(
    host: &mut H,
    mut scratch: Scratch<'_, H>,
    history: &History,
    records: &[Record],
    settings: &UpgradeSettings,
    run: &RunSettings,
    clock: Clock<'_>,
    observer: &mut O,
    cancel: &Cancel,
) -> Result<Upgrade> {
    let (tracking, home) = read_home(host).await?;
    let Some(state) = tracking.state.clone() else { return Err(not_tracked()) };
    let records = &found(&tracking.records, records)?;
    let ways: Vec<Way> = records.iter().map(|record| way_back(history, record)).collect::<Result<_>>()?;
    let mut left: Vec<Record> =
        tracking.records.iter().filter(|r| records.iter().all(|gone| gone.version != r.version)).cloned().collect();
    if applied(&POSTGRES, history, &left).len() != left.len() {
        let message = "the database has run migrations that are not known here, and would keep them";
        return Err(Error::new(Code::Irreversible, message));
    }
    let mut warnings = Vec::new();
    check_drift(host, scratch.again(), history, &tracking, settings, &mut warnings).await?;
    let wanted = match expected(host, scratch, &so_far(history, &left), &settings.ignore).await {
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
    let to = applied(&POSTGRES, history, &left).last().map_or(0, |m| m.idx);
    observer.event(&Event::UpgradeStarted { from: state.idx, to, migrations: ways.len() });
    let mut runner = Runner::new(host, run, observer, cancel, home).await?;
    let mut upgrade = Upgrade { kind: UpgradeKind::Downgraded, from: state.idx, to, ..Upgrade::default() };
    left.clone_from(&tracking.records);
    for (n, (record, way)) in records.iter().zip(&ways).enumerate() {
        let tag = record.tag();
        let of = way.script.len();
        runner.event(&Event::Migration { number: n + 1, of: ways.len(), name: &tag, statements: of });
        let started = clock();
        let text = Text { path: &way.path, tag: &tag, text: &way.text, of };
        let mut seal = |at: usize, is_end: bool| {
            let mut sealing =
                Sealing { ignore: &settings.ignore, accept_drift: settings.accept_drift, ..Sealing::default() };
            let phases = u32::try_from(at + 1).unwrap_or(u32::MAX);
            let phases = (!is_end).then_some((phases, way.text.as_str()));
            sealing.undone = Some(Undone { version: &record.version, phases });
            if is_end {
                left.retain(|old| old.version != record.version);
                sealing.state = Some(state_of(&tracking, history, &left)?);
                sealing.expected = wanted.as_ref().filter(|_| n + 1 == ways.len());
            }
            Ok(sealing)
        };
        runner.script(host, text, &way.script, way.done as usize, &mut seal).await?;
        upgrade.applied.push((tag, clock() - started));
    }
    for warning in runner.warnings {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    upgrade.warnings = warnings;
    observer.event(&Event::Upgraded { from: upgrade.from, to: upgrade.to });
    Ok(upgrade)
}

/// The records as they are now, in the order in which they were asked for.
fn found(recorded: &[Record], wanted: &[Record]) -> Result<Vec<Record>> {
    let now = |wanted: &Record| {
        let found = recorded.iter().find(|record| record.id == wanted.id && record.version == wanted.version);
        found.cloned().ok_or_else(|| {
            let tag = wanted.tag();
            let message = format!("{tag} is not among what the database has run: somebody has undone it meanwhile");
            Error::new(Code::UnknownMigration, message).migration(tag).help("look at it with `whimbrel migrate status`")
        })
    };
    let found: Vec<Record> = wanted.iter().map(now).collect::<Result<_>>()?;
    let is_begun = |record: &&Record| matches!(record.state, RecordState::Undone(_));
    match recorded.iter().find(is_begun).filter(|begun| found.first().is_some_and(|first| first.id != begun.id)) {
        Some(begun) => Err(crate::history::standing::half_undone(&begun.tag(), begun.idx, begun.state).error()),
        None => Ok(found),
    }
}

/// A way back leads from the end of a migration, and not from its middle.
fn half_run(tag: &str) -> Error {
    Error::new(Code::Irreversible, format!("{tag} cannot be undone: it has stopped between two of its phases"))
        .migration(tag)
        .help("`whimbrel migrate apply` goes on with it; phases that are still to come may be edited")
}

fn way_back(history: &History, record: &Record) -> Result<Way> {
    let tag = record.tag();
    if let RecordState::Phases(_) = record.state {
        return Err(half_run(&tag));
    }
    let known = history.of_record(record);
    let says_so = known.is_some_and(|m| m.script().is_ok_and(|script| script.irreversible));
    let text = known.and_then(|m| m.down.as_deref()).or(record.down.as_deref());
    let Some(text) = text.filter(|_| !says_so) else {
        let why = match known {
            _ if says_so => "its script says so",
            Some(_) => "it has no .down.sql",
            None => "it is not among the migrations, and the database keeps no script for it",
        };
        let error = Error::new(Code::Irreversible, format!("{tag} cannot be undone: {why}")).migration(&tag);
        return Err(error.help("bring back a backup of before, or write a new migration that changes it"));
    };
    let path = format!("{tag}.down.sql");
    let transaction = known.is_none_or(|m| m.transaction);
    let script = Script::read(&path, Dialect::Postgres, text, transaction).map_err(|e| e.migration(&tag))?;
    let RecordState::Undone(done) = record.state else {
        return Ok(Way { path, text: text.to_owned(), script, done: 0 });
    };
    // What is still to come may be corrected.
    let begun = record.down.as_deref().unwrap_or_default();
    let began = Script::read(&path, Dialect::Postgres, begun, transaction).map_err(|e| e.migration(&tag))?;
    let checksum = |script: &Script, text: &str| checksum_of_phases(&POSTGRES, script, text, done);
    if checksum(&began, begun) != checksum(&script, text) {
        let message = format!("{path} was edited after part of it had run");
        return Err(Error::new(Code::MigrationEdited, message)
            .migration(&tag)
            .help("put back what it was: what is done of it is kept in the column down of the record"));
    }
    Ok(Way { path, text: text.to_owned(), script, done })
}
