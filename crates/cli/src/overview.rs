//! A folder of migrations beside a database: what has run, what is to run, and all that does not fit.
//!
//! The folder's own problems come from the library, and so do those between history and record. What is added here is
//! what a person who looks wants to know, too: whether the schema was changed by hand, whether apps have given up, and
//! whether another tool was there before.

use rusqlite::Connection;
use whimbrel::history::standing::Item;
use whimbrel::history::{
    History, Migration, Origin, Policy, Problem, Record, RecordState, Standing, adopt, same_version,
};
use whimbrel::run::{self, Difference, Tracking, block_on};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Code, Error, Folder};

use crate::database;
use crate::failure::Failure;
use crate::migrations::Project;

/// How a folder and a database stand to each other.
pub struct Overview<'h> {
    /// What the database says of itself; none where there is no database.
    pub tracking: Option<Tracking>,
    /// What has run, and what has not.
    pub standing: Standing<'h>,
    /// What has not run, also where it came in late.
    pub pending: Vec<Item<'h>>,
    /// All that does not fit, in the folder and between the two.
    pub problems: Vec<Problem>,
    /// Another tool's record in the database, with the numbers of the migrations it says have run.
    pub other_tool: Option<(adopt::Tool, Vec<u32>)>,
}

/// How the comparison is made.
#[derive(Default)]
pub struct Compare {
    /// What is done with migrations that came in late.
    pub policy: Policy,
    /// Whether the schema is compared also where nothing says that it was changed.
    pub always_look: bool,
    /// Whether another tool's record is taken for the database's own.
    pub adopt: bool,
    /// Whether a schema that was changed by hand keeps nothing from running.
    pub accept_drift: bool,
}

impl<'h> Overview<'h> {
    /// Compares. Nothing is written.
    pub fn new(
        project: &Project,
        folder: &'h Folder,
        connection: Option<&Connection>,
        how: &Compare,
    ) -> Result<Overview<'h>, Failure> {
        let history = &folder.history;
        let mut live = project.live()?;
        let tracking = match (&mut live, connection) {
            (Some(live), _) => Some(live.tracking()?),
            (None, Some(connection)) => Some(block_on(run::read_tracking(&mut Sqlite::new(connection)))?),
            (None, None) => None,
        };
        let Some(tracking) = tracking else {
            let standing = Standing::of(history, &[], how.policy);
            let pending = standing.pending.clone();
            let problems = folder.problems.clone();
            return Ok(Overview { tracking: None, standing, pending, problems, other_tool: None });
        };
        let mut problems = Vec::new();
        let mut other_tool = None;
        let mut adopted = Vec::new();
        let name = project.shown_database().unwrap_or_default();
        match &tracking.state {
            None if !tracking.is_fresh() => {
                let found = match (&mut live, connection) {
                    (Some(live), _) => live.other_tool(history),
                    (None, Some(connection)) => block_on(run::read_other_tool(&mut Sqlite::new(connection), history)),
                    (None, None) => Ok(None),
                };
                match found {
                    Ok(found) => other_tool = found,
                    Err(e) => problems.push(from_error(&e, &name)),
                }
                match &other_tool {
                    Some((_, applied)) if how.adopt => {
                        let has_run = |m: &&Migration| applied.contains(&m.idx);
                        let record = |m: &Migration| Record::of(m, Origin::Baseline, 1, 0, 0);
                        adopted = history.originals().filter(has_run).map(record).collect();
                    }
                    _ if problems.is_empty() => problems.push(not_tracked(&name, other_tool.is_some())),
                    _ => {}
                }
            }
            Some(state) if state.strategy != run::VERSIONED => {
                let message = format!("{name} is kept as {}, and not by versioned migrations", state.strategy);
                problems.push(
                    Problem::new(Code::NotTracked, None, &name, message)
                        .help("open it the way it was made, or adopt it with `whimbrel migrate baseline`"),
                );
            }
            _ => {}
        }
        let records = if adopted.is_empty() { &tracking.records } else { &adopted };
        let standing = Standing::of(history, records, how.policy);
        let pending = Standing::of(history, records, Policy::Allow).pending;
        problems.extend(standing.problems.iter().cloned());
        problems.extend(standing.newer.iter().map(newer));
        if let Some(problem) = held(&tracking, history) {
            problems.push(problem);
        }
        if standing.blocker().is_none() && standing.newer.is_empty() {
            let difference = match (&mut live, connection) {
                (Some(live), _) => live.drift(history, &tracking, &project.ignore, how.always_look),
                (None, Some(connection)) => drift(project, connection, &tracking, &standing, how),
                (None, None) => Ok(None),
            };
            match difference {
                Ok(difference) => problems.extend(difference.iter().flat_map(|difference| drifted(difference, how))),
                // What a migration needs of its app is not here; the app looks for itself.
                Err(e) => problems.push(from_error(&e, "").help("so the schema was not compared").harmless()),
            }
        }
        let all = told_once(&folder.problems, problems);
        Ok(Overview { tracking: Some(tracking), standing, pending, problems: all, other_tool })
    }

    /// What the database has run, in the order of running.
    pub fn records(&self) -> &[Record] {
        self.tracking.as_ref().map_or(&[], |tracking| &tracking.records)
    }

    /// The record of a migration, also where that was edited or has another number since.
    pub fn record(&self, migration: &Migration) -> Option<&Record> {
        let is_same = |record: &&Record| record.checksum == migration.checksum;
        let has_version = |record: &&Record| same_version(&record.version, &migration.version);
        let by = |test: &dyn Fn(&&Record) -> bool| self.records().iter().find(test);
        by(&|r| is_same(r) && has_version(r)).or_else(|| by(&is_same)).or_else(|| by(&has_version))
    }

    /// Everything that is in the folder or in the database, in order.
    pub fn rows(&self, history: &'h History) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        for migration in history.migrations.iter() {
            let is_whole = self.is_pending(migration) || migration.originals().all(|m| self.is_done(m));
            if is_whole || migration.replaces.is_empty() {
                rows.push(self.row(migration));
            } else {
                rows.extend(migration.originals().map(|original| self.row(original)));
            }
        }
        let is_known =
            |record: &&Record| history.originals().any(|m| self.record(m).is_some_and(|known| known.id == record.id));
        for record in self.records().iter().filter(|record| !is_known(record)) {
            let is_newer = self.standing.newer.contains(record);
            let state = if is_newer { RowState::Newer } else { RowState::Missing };
            rows.push(Row { migration: None, record: Some(record), state });
        }
        rows.sort_by_key(Row::idx);
        rows
    }

    fn row<'s>(&'s self, migration: &'s Migration) -> Row<'s> {
        let last = migration.originals().last().unwrap_or(migration);
        let state = match self.pending.iter().find(|item| std::ptr::eq(item.migration, migration)) {
            Some(item) => RowState::Pending { phases: item.phases },
            None if migration.originals().all(|m| self.is_done(m)) => RowState::Applied,
            None => match self.record(migration).map(|record| record.state) {
                Some(RecordState::Undone(phases)) => RowState::Undoing { phases },
                _ => RowState::Missing,
            },
        };
        let record = if state == RowState::Applied { self.record(last) } else { None };
        Row { migration: Some(migration), record, state }
    }

    fn is_pending(&self, migration: &Migration) -> bool {
        self.pending.iter().any(|item| std::ptr::eq(item.migration, migration))
    }

    fn is_done(&self, migration: &Migration) -> bool {
        self.standing.done.iter().any(|done| std::ptr::eq(*done, migration))
    }

    /// The newest migration that the database has, by version and name.
    pub fn position(&self, history: &History) -> Option<String> {
        let newest = self.standing.newer.last().map(Record::tag);
        newest.or_else(|| self.standing.done.last().map(|migration| tag_at(history, migration.idx)))
    }
}

/// What a database is called that has run all up to a number: by what stands in the folder itself, where that is a squash.
pub fn tag_at(history: &History, idx: u32) -> String {
    let mut known = history.migrations.iter().chain(history.originals());
    known.find(|migration| migration.idx == idx).map(Migration::tag).unwrap_or_default()
}

/// A migration in the folder, or one that the database has run.
pub struct Row<'o> {
    /// As it stands in the folder.
    pub migration: Option<&'o Migration>,
    /// As the database has it.
    pub record: Option<&'o Record>,
    /// How the two stand to each other.
    pub state: RowState,
}

/// How a migration stands to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// It has run.
    Applied,
    /// It has not run.
    Pending {
        /// How many of its phases are done.
        phases: u32,
    },
    /// It is half undone.
    Undoing {
        /// How many phases of its way back are done.
        phases: u32,
    },
    /// It has run, and is newer than all in the folder.
    Newer,
    /// It has run, and is not in the folder any more.
    Missing,
}

impl Row<'_> {
    /// Its number.
    pub fn idx(&self) -> u32 {
        self.migration.map(|m| m.idx).or(self.record.map(|r| r.idx)).unwrap_or_default()
    }

    /// Its version.
    pub fn version(&self) -> &str {
        self.migration.map(|m| &*m.version).or(self.record.map(|r| &*r.version)).unwrap_or_default()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.migration.map(|m| &*m.name).or(self.record.map(|r| &*r.name)).unwrap_or_default()
    }

    /// Version and name.
    pub fn tag(&self) -> String {
        whimbrel::history::tag(self.version(), self.name())
    }
}

/// What the folder and the database say, each thing once: as the database has it, where that is as bad.
fn told_once(folder: &[Problem], database: Vec<Problem>) -> Vec<Problem> {
    let is_same = |of_folder: &Problem, of_database: &Problem| {
        let codes = (of_folder.code, of_database.code);
        let is_more = matches!(
            codes,
            (Code::MigrationStale, Code::MigrationEdited) | (Code::MigrationMissing, Code::DatabaseNewer)
        );
        of_folder.idx == of_database.idx && (codes.0 == codes.1 || is_more)
    };
    // What is only stale in the folder has run; and what the folder misses is not newer.
    let goes = |of_folder: &Problem, of_database: &Problem| {
        is_same(of_folder, of_database)
            && of_database.code != Code::DatabaseNewer
            && (of_database.blocks || !of_folder.blocks)
    };
    let (mut all, mut kept) = (folder.to_vec(), database);
    // Of two with one number, the one that has run is not the one that moved.
    let twice = |idx| folder.iter().any(|problem| problem.code == Code::MigrationDuplicate && problem.idx == idx);
    kept.retain(|problem| problem.code != Code::MigrationMoved || !twice(problem.idx));
    all.retain(|of_folder| !kept.iter().any(|of_database| goes(of_folder, of_database)));
    kept.retain(|of_database| !all.iter().any(|of_folder| is_same(of_folder, of_database)));
    all.append(&mut kept);
    all
}

fn from_error(error: &Error, name: &str) -> Problem {
    let report = error.report();
    let name = report.migration.as_deref().or(report.object.as_deref()).unwrap_or(name);
    let problem = Problem::new(error.code(), None, name, &report.message);
    report.help.iter().fold(problem, |problem, help| problem.help(help))
}

fn not_tracked(name: &str, has_other: bool) -> Problem {
    let message = match has_other {
        true => format!("{name} has another tool's record of migrations, and none of Whimbrel's"),
        false => format!("{name} has tables, and no record of which migrations made them"),
    };
    Problem::new(Code::NotTracked, None, name, message)
        .help("adopt it with `whimbrel migrate baseline`; an app does it with `Migrator::adopt`")
}

fn newer(record: &Record) -> Problem {
    let tag = record.tag();
    let message = format!("the database is newer: it has run {tag}, which is not among the migrations");
    Problem::new(Code::DatabaseNewer, Some(record.idx), tag, message)
        .help("look for a newer version of the migrations; the database is left as it is")
}

/// Apps that have given up. A person who runs migrations by hand is not kept from it.
fn held(tracking: &Tracking, history: &History) -> Option<Problem> {
    let state = tracking.state.as_ref()?;
    let is_held = state.attempts >= run::ATTEMPTS && state.attempted == history.head.to_string();
    is_held.then(|| {
        let message =
            format!("{} starts in a row have failed with these migrations: apps try nothing more", state.attempts);
        let newest = history.migrations.last();
        Problem::new(Code::Held, newest.map(|m| m.idx), newest.map(Migration::tag).unwrap_or_default(), message)
            .help("`whimbrel migrate apply` tries again, and says what fails")
            .harmless()
    })
}

/// What differs from the schema that the migrations have made. SQLite counts every change of a schema, so that most of
/// the time there is nothing to look for.
fn drift(
    project: &Project,
    connection: &Connection,
    tracking: &Tracking,
    standing: &Standing<'_>,
    how: &Compare,
) -> whimbrel::Result<Option<Difference>> {
    let Some(state) = &tracking.state else { return Ok(None) };
    let is_between = tracking.records.iter().any(|record| record.state != RecordState::Done);
    if is_between || state.strategy != run::VERSIONED {
        return Ok(None);
    }
    if state.cookie == tracking.header.cookie && !how.always_look {
        return Ok(None);
    }
    let done = History::new(standing.done.iter().map(|m| (*m).clone()).collect(), None);
    let scratch = database::in_memory()?;
    let expected = block_on(run::replay(&mut Sqlite::new(&scratch), &done))?.schema;
    let live = block_on(run::read_live(&mut Sqlite::new(connection)))?.schema;
    let is_ignored = |name: &str| {
        adopt::is_bookkeeping(name) || project.ignore.iter().any(|pattern| run::matches_pattern(pattern, name))
    };
    Ok(Some(run::differences(&live.without(is_ignored), &expected.without(is_ignored))))
}

/// What differs, as problems.
fn drifted(difference: &Difference, how: &Compare) -> Vec<Problem> {
    let mut problems = Vec::new();
    for wrong in &difference.wrong {
        let object = wrong.split(" is ").next().unwrap_or_default();
        let message = format!("the schema was changed behind the migrations' back: {wrong}");
        let problem = Problem::new(Code::Drift, None, object, message)
            .help("put it back, or write a migration that expects it; --accept-drift takes the schema as it is");
        problems.push(if how.accept_drift { problem.harmless() } else { problem });
    }
    for extra in &difference.extra {
        let message = format!("{extra} is in the database, and no migration makes it");
        problems.push(Problem::new(Code::Drift, None, extra, message).harmless());
    }
    problems
}
