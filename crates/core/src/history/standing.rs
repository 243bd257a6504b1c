//! A history beside the records of a database: what has run, what is to run, and what does not fit.
//!
//! Records are compared one by one, as a set: a migration that came in later with a lower number is found, where a
//! high-water mark would skip it without a word.

use std::collections::HashMap;

use super::{Grammar, History, Migration, Record, RecordState};
use crate::error::{Code, Error, State};
use crate::planted::{self, Planted};

/// What is done with migrations that are older than the newest one that ran, and did not run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// Nothing runs.
    #[default]
    Refuse,
    /// They run, in the order of their numbers.
    Allow,
    /// They are left out and told; the others run.
    Report,
}

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its code.
    pub code: Code,
    /// The migration's number, where it has one.
    pub idx: Option<u32>,
    /// The migration.
    pub name: String,
    /// What is wrong: one sentence without a full stop.
    pub message: String,
    /// What to do about it, one sentence each.
    pub help: Vec<String>,
    /// Whether nothing runs before it is settled.
    pub blocks: bool,
}

impl Problem {
    /// A problem that keeps everything from running.
    pub fn new(code: Code, idx: Option<u32>, name: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { code, idx, name: name.into(), message: message.into(), help: Vec::new(), blocks: true }
    }

    /// Adds a sentence on what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help.push(help.into());
        self
    }

    /// A problem that is told and keeps nothing from running.
    #[must_use]
    pub fn harmless(mut self) -> Problem {
        self.blocks = false;
        self
    }

    /// The problem as an error; nothing was changed.
    pub fn error(&self) -> Error {
        let error = Error::new(self.code, &self.message).migration(&self.name).state(State::Unchanged);
        self.help.iter().fold(error, Error::help)
    }
}

/// A migration that is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<'h> {
    /// The migration.
    pub migration: &'h Migration,
    /// How many of its phases are done.
    pub phases: u32,
}

/// How a history and a database stand to each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing<'h> {
    /// What is to run, in order.
    pub pending: Vec<Item<'h>>,
    /// What has run, in the history's order.
    pub done: Vec<&'h Migration>,
    /// What ran and is newer than this history.
    pub newer: Vec<Record>,
    /// What does not fit.
    pub problems: Vec<Problem>,
    /// The number of the newest migration that ran; 0 where none did.
    pub newest_applied: u32,
}

impl<'h> Standing<'h> {
    /// Compares.
    pub fn of(history: &'h History, records: &[Record], policy: Policy) -> Standing<'h> {
        Standing::by(Grammar::of(history.dialect()), history, records, policy)
    }

    /// The same by a grammar that is named where the program is written.
    pub(crate) fn by(
        grammar: &'static Grammar,
        history: &'h History,
        records: &[Record],
        policy: Policy,
    ) -> Standing<'h> {
        let mut standing = Standing::default();
        let known = Known::new(history);
        let done = standing.match_records(grammar, &known, records);
        let of_place = |place: usize| done.get(place).copied().flatten();
        let is_done = |place: usize| of_place(place).is_some_and(|r| r.state == RecordState::Done);
        let newest_done = (0..known.all.len()).rev().find(|place| is_done(*place));
        standing.done = (0..known.all.len()).filter(|place| is_done(*place)).map(|place| known.all[place]).collect();
        standing.newest_applied = newest_done.map_or(0, |place| known.all[place].idx);

        let mut late = Vec::new();
        let mut first = 0;
        for migration in history.migrations.iter() {
            let places = first..first + migration.originals().count();
            first = places.end;
            if !migration.replaces.is_empty() && records.is_empty() {
                standing.pending.push(Item { migration, phases: 0 });
                continue;
            }
            // A database that has run something runs what is missing piece by piece: steps of the app belong to them.
            for place in places.filter(|place| !is_done(*place)) {
                let original = known.all[place];
                if original.path.is_empty() {
                    standing.problems.push(forgotten(original, migration));
                    continue;
                }
                let phases = match of_place(place).map(|r| r.state) {
                    Some(RecordState::Phases(phases)) => phases,
                    Some(state @ RecordState::Undone(_)) => {
                        standing.problems.push(half_undone(&original.tag(), original.idx, state));
                        continue;
                    }
                    Some(RecordState::Done) | None => 0,
                };
                let is_late = newest_done.is_some_and(|newest| place < newest);
                if is_late {
                    late.push(original);
                }
                if !is_late || policy == Policy::Allow {
                    standing.pending.push(Item { migration: original, phases });
                }
            }
        }
        let newest = newest_done.map(|place| known.all[place].tag()).unwrap_or_default();
        for migration in late {
            let problem = out_of_order(migration, &newest);
            match policy {
                Policy::Refuse => standing.problems.push(problem),
                Policy::Report => standing.problems.push(problem.harmless()),
                Policy::Allow => {}
            }
        }
        standing
    }

    /// Finds the migration of each record; what fits none becomes a problem. The records stand where their originals do.
    fn match_records<'r>(
        &mut self,
        grammar: &'static Grammar,
        known: &Known<'h>,
        records: &'r [Record],
    ) -> Vec<Option<&'r Record>> {
        let newest_version = known.all.iter().map(|m| Order::of(key(&m.version))).max();
        let mut done: Vec<Option<&Record>> = vec![None; known.all.len()];
        for record in records {
            let by_version = known.by_version.get(&key(&record.version)).copied();
            let same = by_version.filter(|place| match record.state {
                RecordState::Done | RecordState::Undone(_) => known.all[*place].checksum == record.checksum,
                RecordState::Phases(n) => known.all[*place].checksum_of_phases_by(grammar, n) == Some(record.checksum),
            });
            let by_checksum = || {
                let mut free = known.all.iter().zip(&done);
                free.position(|(m, taken)| taken.is_none() && m.checksum == record.checksum)
            };
            let place = match (same, by_version, if same.is_none() { by_checksum() } else { None }) {
                (Some(place), ..) => {
                    if known.all[place].name != record.name {
                        self.problems.push(renamed(known.all[place], record));
                    }
                    place
                }
                (None, _, Some(place)) => {
                    // Of two with one number, one has kept it.
                    if known.all[place].version != record.version {
                        self.problems.push(moved(known.all[place], record));
                    }
                    place
                }
                (None, Some(place), None) => {
                    if !planted::is(Planted::EditAccepted) {
                        self.problems.push(edited(known.all[place], record));
                    }
                    place
                }
                (None, None, None) => {
                    if newest_version.as_ref().is_none_or(|newest| Order::of(key(&record.version)) > *newest) {
                        self.newer.push(record.clone());
                    } else {
                        self.problems.push(missing(record));
                    }
                    continue;
                }
            };
            done[place] = Some(record);
        }
        done
    }

    /// What keeps everything from running, if something does.
    pub fn blocker(&self) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.blocks)
    }
}

/// The originals of a history, and where to find them.
struct Known<'h> {
    all: Vec<&'h Migration>,
    by_version: HashMap<String, usize>,
}

impl<'h> Known<'h> {
    fn new(history: &'h History) -> Self {
        let all: Vec<&Migration> = history.originals().collect();
        let by_version = all.iter().enumerate().map(|(place, m)| (key(&m.version), place)).collect();
        Known { all, by_version }
    }
}

/// A version as it is compared: the same number is the same version, however many zeros are in front of it.
fn key(version: &str) -> String {
    let digits = version.replace('-', "");
    digits.trim_start_matches('0').to_owned()
}

/// How versions follow each other: numbers by value, and before everything else.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Order(usize, String);

impl Order {
    fn of(key: String) -> Order {
        Order(key.len(), key)
    }
}

fn renamed(migration: &Migration, record: &Record) -> Problem {
    let (now, then) = (migration.tag(), record.tag());
    Problem::new(Code::MigrationRenamed, Some(migration.idx), &now, format!("{now} was called {then} when it ran"))
        .help("`whimbrel migrate repair --db …` takes the new name into the database's record")
        .harmless()
}

fn moved(migration: &Migration, record: &Record) -> Problem {
    let (now, then) = (migration.tag(), record.tag());
    Problem::new(
        Code::MigrationMoved,
        Some(migration.idx),
        &now,
        format!("{now} ran in this database as {then}: it has another number now"),
    )
    .help("give the file its old number back, or take the new one over with `whimbrel migrate repair --db …`")
}

fn edited(migration: &Migration, record: &Record) -> Problem {
    let tag = migration.tag();
    Problem::new(
        Code::MigrationEdited,
        Some(migration.idx),
        &tag,
        format!(
            "{} was edited after it ran: its checksum was {} and is {}",
            migration.path,
            record.checksum.short(),
            migration.checksum.short()
        ),
    )
    .help("put the file back as it was, and write the change into a new migration")
    .help("if both do the same, `whimbrel migrate repair --db …` takes the new checksum over")
}

fn missing(record: &Record) -> Problem {
    let tag = record.tag();
    Problem::new(
        Code::MigrationMissing,
        Some(record.idx),
        &tag,
        format!("{tag} ran in this database, and is not among the migrations any more"),
    )
    .help("put the file back; to take a migration out, undo it with `whimbrel migrate down` first")
}

fn forgotten(original: &Migration, squash: &Migration) -> Problem {
    let tag = original.tag();
    Problem::new(
        Code::MigrationMissing,
        Some(original.idx),
        &tag,
        format!("{tag} has not run in this database, and its file is gone since it was squashed into {}", squash.tag()),
    )
    .help("put the files of the squashed migrations back into the folder `squashed`")
}

/// A way back that was stopped between two of its phases: the schema is that of no version.
pub(crate) fn half_undone(tag: &str, idx: u32, state: RecordState) -> Problem {
    let phases = state.column().unwrap_or_default().unsigned_abs();
    let phases = if phases == 1 { "1 phase".to_owned() } else { format!("{phases} phases") };
    let message = format!("{tag} is half undone: its way back has stopped behind {phases}");
    Problem::new(Code::HalfUndone, Some(idx), tag, message)
        .help("`whimbrel migrate down` goes on with it; an app does it with `Migrator::undo_to`")
}

fn out_of_order(migration: &Migration, newest: &str) -> Problem {
    let tag = migration.tag();
    Problem::new(
        Code::OutOfOrder,
        Some(migration.idx),
        &tag,
        format!("{tag} has not run, and {newest}, which comes after it, has"),
    )
    .help("give it a number after the newest with `whimbrel migrate rebase`")
    .help("if it is independent of what has run, allow it with --out-of-order allow")
}
