//! Tries migrations out: up, down and up again, each against the schema that was there before.
//!
//! Without rows: what a script does to rows shows where it runs, in its transaction.

use super::replay::{Trial, as_made};
use super::tracking::visible;
use crate::error::{Code, Error, Result};
use crate::history::{History, Migration, Model};
use crate::postgres::host::Host;
use crate::postgres::scratch::{Place, Scratch};
use crate::run::Cancel;

/// A way from one version to another, and what is wrong with where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The number of the migration.
    pub idx: u32,
    /// Version and name.
    pub tag: String,
    /// What was tried.
    pub kind: WayKind,
    /// What is not as it should be, in words.
    pub wrong: Vec<String>,
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayKind {
    /// From the version before to this one.
    Up,
    /// Back to the version before.
    Down,
    /// Up once more, behind the way back.
    Again,
    /// All migrations on an empty database, against the snapshot.
    Snapshot,
}

impl WayKind {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            WayKind::Up => "up",
            WayKind::Down => "down",
            WayKind::Again => "up again",
            WayKind::Snapshot => "snapshot",
        }
    }
}

/// Tries all migrations out in a scratch place, one after the other. What fails ends it, and is told as what is wrong.
///
/// # Errors
/// Where no place can be made; [`Code::Cancelled`].
pub async fn verify<H: Host>(
    host: &mut H,
    mut scratch: Scratch<'_, H>,
    history: &History,
    skip_down: bool,
    cancel: &Cancel,
) -> Result<Vec<Way>> {
    let snapshot = match &history.snapshot {
        Some(_) => Some(super::replay::expected(host, scratch.again(), history, &[]).await?),
        None => None,
    };
    let mut place = Place::open(host, scratch).await?;
    let mut ways = Vec::new();
    let outcome = walk(&mut place, history, skip_down, snapshot.as_ref(), cancel, &mut ways).await;
    let closed = place.close().await;
    outcome?;
    closed?;
    Ok(ways)
}

async fn walk<H: Host>(
    place: &mut Place<'_, H>,
    history: &History,
    skip_down: bool,
    snapshot: Option<&Model>,
    cancel: &Cancel,
    ways: &mut Vec<Way>,
) -> Result<()> {
    let mut trial = Trial::default();
    let mut before: Model = read(place).await?;
    for migration in as_made(history) {
        if cancel.is_cancelled() {
            return Err(Error::new(Code::Cancelled, "the run was cancelled"));
        }
        if !tried(ways, migration, WayKind::Up, trial.execute(place, migration).await) {
            return Ok(());
        }
        let after: Model = read(place).await?;
        let is_reversible = migration.down.is_some() && migration.script().is_ok_and(|script| !script.irreversible);
        if is_reversible && !skip_down {
            if !tried(ways, migration, WayKind::Down, trial.execute_down(place, migration).await) {
                return Ok(());
            }
            compare(ways, &read(place).await?, &before)?;
            if !tried(ways, migration, WayKind::Again, trial.execute(place, migration).await) {
                return Ok(());
            }
            compare(ways, &read(place).await?, &after)?;
        }
        before = after;
    }
    if let (Some(snapshot), Some(newest)) = (snapshot, history.migrations.last()) {
        ways.push(Way { idx: newest.idx, tag: newest.tag(), kind: WayKind::Snapshot, wrong: Vec::new() });
        compare(ways, &before, snapshot)?;
    }
    Ok(())
}

/// What is there, without other tools' records: no schema answers for them.
async fn read<H: Host>(place: &mut Place<'_, H>) -> Result<Model> {
    Ok(visible(place.read().await?, &[]).into())
}

/// Records a try; whether it came to its end.
fn tried(ways: &mut Vec<Way>, migration: &Migration, kind: WayKind, outcome: Result<()>) -> bool {
    let wrong = outcome.err().map(|e| e.to_string());
    let is_done = wrong.is_none();
    ways.push(Way { idx: migration.idx, tag: migration.tag(), kind, wrong: wrong.into_iter().collect() });
    is_done
}

/// Adds what is not as expected to the last try.
fn compare(ways: &mut [Way], found: &Model, expected: &Model) -> Result<()> {
    let difference = found.differences(expected)?;
    if let Some(way) = ways.last_mut() {
        way.wrong.extend(difference.wrong);
        way.wrong.extend(difference.extra.into_iter().map(|extra| format!("{extra} is left")));
    }
    Ok(())
}
