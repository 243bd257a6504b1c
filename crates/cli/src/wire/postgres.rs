//! A plan for PostgreSQL: the members of a plan for SQLite, with what each step locks besides.

use serde::Serialize;
use whimbrel::lint::postgres::{PlanFinding, lint_plan};
use whimbrel::postgres::diff::{Change, Part};
use whimbrel::postgres::expand::{Action, Clients, Phase};
use whimbrel::postgres::steps;

use super::plan::{HazardEntry, Loss, NoteEntry, PartEntry, strategy};
use super::{Problem, Question};
use crate::failure;

/// A plan.
#[derive(Serialize)]
pub struct PostgresPlan<'a> {
    database: &'a str,
    creates_database: bool,
    postgresql: String,
    pending: bool,
    changes: Vec<ChangeEntry>,
    steps: Vec<StepEntry<'a>>,
    questions: Vec<Question>,
    obstacles: Vec<Problem<'a>>,
    losses: Vec<Loss<'a>>,
    notes: Vec<NoteEntry<'a>>,
    warnings: &'a [String],
    findings: Vec<FindingEntry>,
    ignored: &'a [String],
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<PhaseEntry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<String>,
}

/// What a plan means for old and new clients.
#[derive(Serialize)]
struct PhaseEntry<'a> {
    action: &'static str,
    while_it_runs: ClientsEntry,
    when_it_is_done: ClientsEntry,
    kept: Vec<KeptEntry<'a>>,
    later: &'a [String],
}

/// A range of releases; null where it has no end.
#[derive(Serialize)]
struct ClientsEntry {
    from: Option<u32>,
    to: Option<u32>,
}

#[derive(Serialize)]
struct KeptEntry<'a> {
    what: &'a str,
    client: u32,
}

impl<'a> From<&'a Phase> for PhaseEntry<'a> {
    fn from(phase: &'a Phase) -> Self {
        let clients = |clients: Clients| ClientsEntry { from: clients.from, to: clients.to };
        PhaseEntry {
            action: match phase.action {
                Action::Plain => "none",
                Action::Expand { .. } => "expand",
                Action::Contract { .. } => "contract",
            },
            while_it_runs: clients(phase.meanwhile),
            when_it_is_done: clients(phase.afterwards),
            kept: phase.kept.iter().map(|(what, client)| KeptEntry { what, client: *client }).collect(),
            later: &phase.later,
        }
    }
}

#[derive(Serialize)]
struct FindingEntry {
    code: &'static str,
    level: &'static str,
    step: usize,
    message: String,
    lock: Option<&'static str>,
    blocks: Option<&'static str>,
    why: &'static str,
    help: &'static str,
}

impl From<PlanFinding> for FindingEntry {
    fn from(finding: PlanFinding) -> Self {
        let PlanFinding { step, advice } = finding;
        FindingEntry {
            code: advice.code,
            level: advice.level.as_str(),
            step,
            message: advice.message,
            lock: advice.lock.map(|lock| lock.as_str()),
            blocks: advice.lock.map(|lock| lock.blocks()),
            why: advice.why,
            help: advice.help,
        }
    }
}

#[derive(Serialize)]
struct ChangeEntry {
    action: &'static str,
    kind: &'static str,
    name: String,
    before: Option<String>,
    parts: Vec<PartEntry>,
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
    lock: Option<&'static str>,
    locked: Option<String>,
    blocks: Option<&'static str>,
    reads: bool,
    alone: bool,
    sql: Vec<&'a str>,
}

impl<'a> PostgresPlan<'a> {
    /// A plan for a database; `obstacles` are those of the plan as they are told.
    pub fn new(
        database: &'a str,
        plan: &'a steps::Plan,
        obstacles: &'a [failure::Problem],
        with_sql: bool,
    ) -> PostgresPlan<'a> {
        PostgresPlan {
            database,
            creates_database: false,
            postgresql: version(plan.before.version),
            pending: !plan.is_empty(),
            changes: plan.changes.iter().map(ChangeEntry::from).collect(),
            steps: plan.steps.iter().map(StepEntry::from).collect(),
            questions: plan.questions.iter().map(Question::from).collect(),
            obstacles: obstacles.iter().map(Problem::from).collect(),
            losses: plan.losses().map(|(_, what, rows)| Loss { what, rows }).collect(),
            notes: plan.notes.iter().map(NoteEntry::from).collect(),
            warnings: &plan.warnings,
            findings: lint_plan(plan).into_iter().map(FindingEntry::from).collect(),
            ignored: &plan.ignored,
            rows: plan.rows(),
            phase: plan.phase.as_ref().map(PhaseEntry::from),
            sql: with_sql.then(|| plan.script()),
        }
    }
}

/// A server's version as people write it.
pub fn version(number: u32) -> String {
    format!("{}.{}", number / 10_000, number % 10_000)
}

impl From<&Change> for ChangeEntry {
    fn from(change: &Change) -> Self {
        let (before, parts) = match change {
            Change::Alter(alteration) => {
                let renamed = alteration.parts.iter().find_map(|part| match part {
                    Part::Rename(before) => Some(before.shown()),
                    _ => None,
                });
                (renamed, alteration.parts.iter().map(part_entry).collect())
            }
            Change::Create(_) | Change::Drop(_) => (None, Vec::new()),
        };
        let action = match change.sign() {
            '+' => "create",
            '-' => "drop",
            _ => "alter",
        };
        ChangeEntry { action, kind: change.id().kind.as_str(), name: change.id().shown(), before, parts }
    }
}

fn part_entry(part: &Part) -> PartEntry {
    let (name, before) = match part {
        Part::RenameColumn { before, after } | Part::RenameValue { before, after } => {
            (Some(after.clone()), Some(before.clone()))
        }
        Part::AddColumn(column) | Part::DropColumn(column) | Part::AlterColumn { after: column, .. } => {
            (Some(column.name.clone()), None)
        }
        Part::AddValue { label, .. } => (Some(label.clone()), None),
        Part::Setting { what, .. } => (Some((*what).to_owned()), None),
        Part::Rename(before) => (None, Some(before.shown())),
        Part::ColumnOrder
        | Part::RemakeEnum { .. }
        | Part::Comment
        | Part::Definition
        | Part::Validate
        | Part::Invalid
        | Part::Kept(_) => (None, None),
    };
    PartEntry { kind: part.kind(), name, before, text: part.describe() }
}

impl<'a> From<&'a steps::Step> for StepEntry<'a> {
    fn from(step: &'a steps::Step) -> Self {
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
            lock: step.lock.as_ref().map(|(lock, _)| lock.as_str()),
            locked: step.lock.as_ref().map(|(_, table)| table.shown()),
            blocks: step.lock.as_ref().map(|(lock, _)| lock.blocks()),
            reads: step.reads,
            alone: step.alone,
            sql: step.statements.iter().map(steps::Statement::sql).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use whimbrel::postgres::steps::{Plan, Statement, Step};

    use super::PostgresPlan;

    #[test]
    fn findings_name_their_step() {
        let step = |sql: &str| Step { statements: vec![Statement::Execute(sql.to_owned())], ..Step::default() };
        let steps = vec![step("SELECT 1"), step("ALTER TABLE notes DROP COLUMN words")];
        let plan = Plan { steps, ..Plan::default() };
        let value = serde_json::to_value(PostgresPlan::new("db", &plan, &[], false)).expect("it is JSON");
        let findings = value["findings"].as_array().expect("a list");
        assert_eq!(findings.len(), 1);
        for (member, expected) in [
            ("code", serde_json::json!("P15")),
            ("level", "warning".into()),
            ("step", 1.into()),
            ("lock", "ACCESS EXCLUSIVE".into()),
            ("blocks", "reads and writes".into()),
        ] {
            assert_eq!(findings[0][member], expected, "{member}");
        }
    }
}
