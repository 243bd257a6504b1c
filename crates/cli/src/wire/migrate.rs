//! Migrations, and how they stand to a database.

use serde::Serialize;
use whimbrel::Migration;
use whimbrel::history::standing::Item;
use whimbrel::history::{History, Layout, Problem, Record, RecordState};

use crate::failure;
use crate::overview::{Row, RowState};
use crate::render;

/// A migration that a database has run.
#[derive(Serialize)]
pub struct Applied<'a> {
    idx: u32,
    version: &'a str,
    name: &'a str,
    origin: &'static str,
    batch: i64,
    applied_at: String,
    milliseconds: i64,
    checksum: String,
}

impl<'a> From<&'a Record> for Applied<'a> {
    fn from(record: &'a Record) -> Self {
        Applied {
            idx: record.idx,
            version: &record.version,
            name: &record.name,
            origin: record.origin.as_str(),
            batch: record.batch,
            applied_at: render::timestamp(record.applied_at),
            milliseconds: record.milliseconds,
            checksum: record.checksum.to_string(),
        }
    }
}

/// The migrations that a database has run to their end.
pub fn applied(records: &[Record]) -> Vec<Applied<'_>> {
    records.iter().filter(|record| record.state == RecordState::Done).map(Applied::from).collect()
}

/// A migration that a database has not run.
#[derive(Serialize)]
pub struct Pending<'a> {
    idx: u32,
    version: &'a str,
    name: &'a str,
    file: &'a str,
    phases_done: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<&'a str>,
}

impl<'a> Pending<'a> {
    /// An entry for what is to run, with its script where that is wanted.
    pub fn new(item: &Item<'a>, with_sql: bool) -> Pending<'a> {
        let migration = item.migration;
        Pending {
            idx: migration.idx,
            version: &migration.version,
            name: &migration.name,
            file: &migration.path,
            phases_done: item.phases,
            sql: with_sql.then_some(&*migration.up),
        }
    }
}

/// A migration by its names.
#[derive(Serialize)]
pub struct Named<'a> {
    idx: u32,
    version: &'a str,
    name: &'a str,
    file: &'a str,
}

impl<'a> From<&'a Migration> for Named<'a> {
    fn from(migration: &'a Migration) -> Self {
        Named { idx: migration.idx, version: &migration.version, name: &migration.name, file: &migration.path }
    }
}

/// A script that would be written.
#[derive(Serialize)]
pub struct Script<'a> {
    /// The file.
    pub file: &'a str,
    /// All of it.
    pub sql: &'a str,
}

/// A migration that has got another number.
#[derive(Serialize)]
pub struct Renamed<'a> {
    /// Version and name before.
    pub from: &'a str,
    /// Version and name now.
    pub to: &'a str,
}

/// Whose folder it is, in a word.
pub fn layout(layout: Layout) -> &'static str {
    match layout {
        Layout::Whimbrel => "whimbrel",
        Layout::Plain => "plain",
        Layout::Sqlx => "sqlx",
        Layout::Refinery => "refinery",
        Layout::Diesel => "diesel",
        Layout::Drizzle => "drizzle",
        Layout::Goose => "goose",
        Layout::Sections => "sections",
        Layout::Folders => "folders",
    }
}

/// What does not fit.
#[derive(Serialize)]
pub struct HistoryProblem<'a> {
    idx: Option<u32>,
    name: &'a str,
    migration: Option<&'a str>,
    code: &'static str,
    message: &'a str,
    help: &'a [String],
    blocks: bool,
}

impl<'a> HistoryProblem<'a> {
    /// A folder that cannot be read is a problem, too.
    pub fn of_failure(problem: &'a failure::Problem) -> HistoryProblem<'a> {
        HistoryProblem {
            idx: None,
            name: problem.migration.as_deref().or(problem.object.as_deref()).unwrap_or_default(),
            migration: problem.migration.as_deref(),
            code: problem.code,
            message: &problem.message,
            help: &problem.help,
            blocks: true,
        }
    }

    /// The name is the migration's without its version, as everywhere; or what else the problem is about.
    pub fn new(problem: &'a Problem, history: &'a History, records: &'a [Record]) -> HistoryProblem<'a> {
        let migration = history.originals().find(|m| m.tag() == problem.name).map(|m| &*m.name);
        let record = || records.iter().find(|r| r.tag() == problem.name).map(|r| &*r.name);
        let name = migration.or_else(record);
        HistoryProblem {
            idx: problem.idx,
            name: name.or_else(|| name_in(&problem.name).filter(|_| problem.idx.is_some())).unwrap_or(&problem.name),
            migration: problem.idx.is_some().then_some(&*problem.name),
            code: problem.code.as_str(),
            message: &problem.message,
            help: &problem.help,
            blocks: problem.blocks,
        }
    }
}

/// The name in a tag of what neither folder nor database has.
fn name_in(tag: &str) -> Option<&str> {
    tag.split_once('_').map(|(_, name)| name).filter(|name| !name.is_empty())
}

/// A migration of the folder or of the database, in a list of all.
#[derive(Serialize)]
pub struct Listed<'a> {
    idx: u32,
    version: &'a str,
    name: &'a str,
    file: Option<&'a str>,
    state: &'static str,
    applied_at: Option<String>,
    squashed: usize,
}

impl<'a> From<&'a Row<'_>> for Listed<'a> {
    fn from(row: &'a Row<'_>) -> Self {
        Listed {
            idx: row.idx(),
            version: row.version(),
            name: row.name(),
            file: row.migration.map(|m| &*m.path),
            state: match row.state {
                RowState::Applied => "applied",
                RowState::Pending { .. } => "pending",
                RowState::Undoing { .. } => "undoing",
                RowState::Newer => "newer",
                RowState::Missing => "missing",
            },
            applied_at: row.record.map(|record| render::timestamp(record.applied_at)),
            squashed: row.migration.map_or(0, |m| m.replaces.len()),
        }
    }
}

/// A migration that ran, or was undone, just now.
#[derive(Serialize)]
pub struct Ran<'a> {
    idx: Option<u32>,
    version: &'a str,
    name: &'a str,
    milliseconds: i64,
}

impl<'a> Ran<'a> {
    /// An entry of a report, by version and name.
    pub fn new(tag: &'a str, milliseconds: i64, history: &'a History, records: &'a [Record]) -> Ran<'a> {
        let known = history.migrations.iter().chain(history.originals()).find(|m| m.tag() == tag);
        let known = known.map(|m| (m.idx, &*m.version, &*m.name));
        let record = || records.iter().find(|r| r.tag() == tag).map(|r| (r.idx, &*r.version, &*r.name));
        match known.or_else(record) {
            Some((idx, version, name)) => Ran { idx: Some(idx), version, name, milliseconds },
            None => Ran { idx: None, version: tag, name: "", milliseconds },
        }
    }
}

/// What an upgrade or a way back did.
#[derive(Serialize)]
pub struct Moved<'a> {
    /// The number of the newest migration before; 0 where there was none.
    pub from: u32,
    /// The number of the newest migration now.
    pub to: u32,
    /// How long it took.
    pub seconds: f64,
    /// What is worth a warning.
    pub warnings: &'a [String],
}

/// A migration with all that its files say.
#[derive(Serialize)]
pub struct Shown<'a> {
    idx: u32,
    version: &'a str,
    name: &'a str,
    file: &'a str,
    checksum: String,
    hash: String,
    reversible: bool,
    irreversible: bool,
    min_reader: Option<u32>,
    min_writer: Option<u32>,
    phases: Vec<Phase>,
    squashed: Vec<String>,
}

#[derive(Serialize)]
struct Phase {
    name: Option<String>,
    kind: &'static str,
    statements: usize,
}

impl<'a> Shown<'a> {
    /// A migration and its script.
    pub fn new(migration: &'a Migration, script: &whimbrel::history::script::Script) -> Shown<'a> {
        use whimbrel::history::script::PhaseKind;
        let phase = |phase: &whimbrel::history::script::Phase| Phase {
            name: phase.name.clone(),
            kind: match phase.kind {
                PhaseKind::Transaction => "transaction",
                PhaseKind::NoTransaction => "no_transaction",
                PhaseKind::Backfill => "backfill",
            },
            statements: phase.statements.len(),
        };
        Shown {
            idx: migration.idx,
            version: &migration.version,
            name: &migration.name,
            file: &migration.path,
            checksum: migration.checksum.to_string(),
            hash: migration.hash.to_string(),
            reversible: migration.down.is_some() && !script.irreversible,
            irreversible: script.irreversible,
            min_reader: script.min_reader,
            min_writer: script.min_writer,
            phases: script.phases.iter().map(phase).collect(),
            squashed: migration.replaces.iter().map(Migration::tag).collect(),
        }
    }
}
