//! A plan, and the report of its run.

use serde::Serialize;
use whimbrel::diff::{Change, Note, Part};
use whimbrel::plan::{self, Strategy};

use super::{Problem, Question};
use crate::failure;

/// A plan.
#[derive(Serialize)]
pub struct Plan<'a> {
    database: &'a str,
    creates_database: bool,
    sqlite: String,
    pending: bool,
    changes: Vec<ChangeEntry<'a>>,
    steps: Vec<StepEntry<'a>>,
    questions: Vec<Question>,
    obstacles: Vec<Problem<'a>>,
    losses: Vec<Loss<'a>>,
    notes: Vec<NoteEntry<'a>>,
    warnings: &'a [String],
    ignored: &'a [String],
    rows: u64,
    disk_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<String>,
}

#[derive(Serialize)]
struct ChangeEntry<'a> {
    action: &'static str,
    kind: &'static str,
    name: &'a str,
    before: Option<&'a str>,
    parts: Vec<PartEntry>,
}

#[derive(Serialize)]
pub(super) struct PartEntry {
    pub kind: &'static str,
    pub name: Option<String>,
    pub before: Option<String>,
    pub text: String,
}

#[derive(Serialize)]
struct StepEntry<'a> {
    change: usize,
    parts: &'a [usize],
    object: &'a str,
    title: &'a str,
    strategy: &'static str,
    reason: Option<&'a str>,
    hazards: Vec<HazardEntry<'a>>,
    rows: u64,
    bytes: u64,
    sql: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct HazardEntry<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct Loss<'a> {
    pub what: &'a str,
    pub rows: u64,
}

#[derive(Serialize)]
pub(super) struct NoteEntry<'a> {
    kind: &'static str,
    table: &'a str,
    stored: &'a [String],
    declared: &'a [String],
}

impl<'a> Plan<'a> {
    /// A plan for a database; `obstacles` are those of the plan as they are told.
    pub fn new(
        database: &'a str,
        creates_database: bool,
        plan: &'a plan::Plan,
        obstacles: &'a [failure::Problem],
        with_sql: bool,
    ) -> Plan<'a> {
        let version = plan.basis.version;
        Plan {
            database,
            creates_database,
            sqlite: format!("{}.{}.{}", version / 1_000_000, version / 1000 % 1000, version % 1000),
            pending: !plan.is_empty(),
            changes: plan.changes.iter().map(ChangeEntry::from).collect(),
            steps: plan.steps.iter().map(StepEntry::from).collect(),
            questions: plan.questions.iter().map(Question::from).collect(),
            obstacles: obstacles.iter().map(Problem::from).collect(),
            losses: plan.losses().map(|(_, what, rows)| Loss { what, rows }).collect(),
            notes: plan.notes.iter().map(NoteEntry::from).collect(),
            warnings: &plan.warnings,
            ignored: &plan.ignored,
            rows: plan.rows(),
            disk_bytes: plan.disk_bytes,
            sql: with_sql.then(|| plan.script()),
        }
    }
}

impl<'a> From<&'a Change> for ChangeEntry<'a> {
    fn from(change: &'a Change) -> Self {
        let (before, parts) = match change {
            Change::AlterTable(table) => {
                (Some(table.before.name.as_str()), table.parts.iter().map(|part| part_entry(part, table)).collect())
            }
            Change::AlterVirtualTable { before, .. } => (Some(before.name.as_str()), Vec::new()),
            _ => (None, Vec::new()),
        };
        ChangeEntry {
            action: match change.sign() {
                '+' => "create",
                '-' => "drop",
                _ => "alter",
            },
            kind: match change.object_kind() {
                "virtual table" => "virtual_table",
                kind => kind,
            },
            name: change.object(),
            before: before.filter(|before| *before != change.object()),
            parts,
        }
    }
}

fn part_entry(part: &Part, table: &whimbrel::diff::TableChange) -> PartEntry {
    let (kind, name, before) = match part {
        Part::Rename => ("rename", Some(&table.after.name), Some(&table.before.name)),
        Part::RenameColumn { before, after } => ("rename_column", Some(after), Some(before)),
        Part::AddColumn(column) => ("add_column", Some(&column.name), None),
        Part::DropColumn(column) => ("drop_column", Some(&column.name), None),
        Part::AlterColumn { after, .. } => ("alter_column", Some(&after.name), None),
        Part::PrimaryKey { .. } => ("primary_key", None, None),
        Part::AddUnique(unique) => ("add_unique", unique.name.as_ref(), None),
        Part::DropUnique(unique) => ("drop_unique", unique.name.as_ref(), None),
        Part::AddCheck(check) => ("add_check", check.name.as_ref(), None),
        Part::DropCheck(check) => ("drop_check", check.name.as_ref(), None),
        Part::AddForeignKey(key) => ("add_foreign_key", key.name.as_ref(), None),
        Part::DropForeignKey(key) => ("drop_foreign_key", key.name.as_ref(), None),
        Part::Strict(_) => ("strict", None, None),
        Part::WithoutRowid(_) => ("without_rowid", None, None),
        Part::ColumnOrder => ("column_order", None, None),
    };
    PartEntry { kind, name: name.cloned(), before: before.cloned(), text: part.describe() }
}

/// A strategy as programs read it.
pub(super) fn strategy(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Create => "create",
        Strategy::Drop => "drop",
        Strategy::Recreate => "recreate",
        Strategy::InPlace => "in_place",
        Strategy::Catalogue => "catalogue",
        Strategy::Rebuild => "rebuild",
    }
}

impl<'a> From<&'a plan::Step> for StepEntry<'a> {
    fn from(step: &'a plan::Step) -> Self {
        StepEntry {
            change: step.change,
            parts: &step.parts,
            object: &step.object,
            title: &step.title,
            strategy: strategy(step.strategy),
            reason: step.reason.as_deref(),
            hazards: step.hazards.iter().map(HazardEntry::from).collect(),
            rows: step.rows,
            bytes: step.bytes,
            sql: step.statements.iter().map(plan::Statement::sql).collect(),
        }
    }
}

impl<'a> From<&'a plan::Hazard> for HazardEntry<'a> {
    fn from(hazard: &'a plan::Hazard) -> Self {
        use plan::Hazard::*;
        let (kind, what, rows) = match hazard {
            DataLoss { what, rows } => ("data_loss", Some(what.as_str()), Some(*rows)),
            Rewrite { rows } => ("rewrite", None, Some(*rows)),
            MayFail { constraint, rows } => ("may_fail", Some(constraint.as_str()), Some(*rows)),
            Irreversible => ("irreversible", None, None),
        };
        HazardEntry { kind, what, rows }
    }
}

impl<'a> From<&'a Note> for NoteEntry<'a> {
    fn from(note: &'a Note) -> Self {
        match note {
            Note::ColumnOrder { table, stored, declared } => {
                NoteEntry { kind: "column_order", table, stored, declared }
            }
        }
    }
}

/// What a run did.
#[derive(Serialize)]
pub struct Report<'a> {
    /// How many changes were made.
    pub changes: usize,
    /// In how many steps.
    pub steps: usize,
    /// How many rows were written again.
    pub rows: u64,
    /// How long it took.
    pub seconds: f64,
    /// What is worth a warning.
    pub warnings: &'a [String],
}
