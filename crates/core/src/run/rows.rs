//! The rows are asked, and what they answer finds its place in the plan: losses at the steps that make them, misfits
//! among the obstacles.

use std::collections::{HashMap, HashSet};

use super::{Connection, FailureKind, Value};
use crate::diff::{Change, Diff};
use crate::error::{Code, Error, Result};
use crate::plan::{Hazard, Plan, Statement, Step, Strategy, rows_text};
use crate::planted::{self, Planted};
use crate::sqlite::print::main;
use crate::sqlite::probe::{Probe, ProbeKind, takes_default};

/// Leaves to the run what its own statements ask, where these refuse rows that do not fit: such a probe tells no more than that
/// the run would fail. It is only tried whether it can be asked; then no row is looked at, and none is found. Only whole scans
/// are left out, and only where nothing dear is done before the run fails. Returns whether there are any.
pub(super) fn leave_to_run(steps: &[Step], probes: &mut [Probe]) -> bool {
    let is_cheap = |step: &Step| {
        step.verifies() || (matches!(step.strategy, Strategy::InPlace | Strategy::Catalogue) && step.rows == 0)
    };
    let is_verified = |probe: &Probe| {
        let makes = |step: &Step| {
            step.change == probe.change && probe.part.map_or(step.parts.is_empty(), |part| step.parts.contains(&part))
        };
        steps.iter().any(|step| step.verifies() && makes(step))
    };
    let asked = probes.iter().filter(|probe| !steps.iter().all(is_cheap) || !is_verified(probe));
    let asked: HashSet<String> = asked.map(|probe| probe.relation.clone()).collect();
    let mut left = false;
    for probe in probes.iter_mut().filter(|probe| !asked.contains(&probe.relation)) {
        probe.relation.push_str(" WHERE 0");
        left = true;
    }
    left
}

/// Asks all probes, those of one relation in a single scan.
pub(super) async fn ask<C: Connection>(conn: &mut C, probes: &[Probe]) -> Result<Vec<u64>> {
    let mut by_relation: Vec<(&str, Vec<usize>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (n, probe) in probes.iter().enumerate() {
        let at = *places.entry(&probe.relation).or_insert_with(|| {
            by_relation.push((&probe.relation, Vec::new()));
            by_relation.len() - 1
        });
        by_relation[at].1.push(n);
    }
    let mut answers = vec![0; probes.len()];
    for (relation, group) in by_relation {
        // SQLite takes some thousand columns, and a scan with a few dozen terms is no slower than with one.
        for group in group.chunks(50) {
            let terms: Vec<_> = group.iter().map(|n| probes[*n].term()).collect();
            let sql = format!("SELECT {} FROM {relation}", terms.join(", "));
            match conn.query(&sql).await {
                Ok(rows) => {
                    for (n, value) in group.iter().zip(rows.first().into_iter().flatten()) {
                        answers[*n] = value.integer().unwrap_or_default().unsigned_abs();
                    }
                }
                Err(_) => ask_one_by_one(conn, probes, group, &mut answers).await?,
            }
        }
    }
    Ok(answers)
}

/// Finds the probe that a database cannot answer, to name what it is about.
async fn ask_one_by_one<C: Connection>(
    conn: &mut C,
    probes: &[Probe],
    group: &[usize],
    answers: &mut [u64],
) -> Result<()> {
    for n in group {
        let probe = &probes[*n];
        let sql = format!("SELECT {} FROM {}", probe.term(), probe.relation);
        let rows = match conn.query(&sql).await {
            Ok(rows) => rows,
            Err(failure) => {
                let is_about_sql = failure.kind == FailureKind::Statement;
                let (code, message) = match is_about_sql && failure.message.contains("no such collation sequence") {
                    true => (Code::NotRegistered, format!("{} needs a collation that is not registered", probe.table)),
                    false => (Code::SchemaRejected, format!("the new form of {} cannot be computed", probe.table)),
                };
                // Whether rows satisfy a constraint is only foretold here: what cannot be foretold, the run decides. A table that a
                // value is looked up in may be one that the run makes; a column of the row itself is there or not.
                let run_decides = match probe.kind {
                    ProbeKind::Misfit(_) => true,
                    ProbeKind::Computed => !failure.message.contains("no such column"),
                    _ => false,
                };
                if is_about_sql && code == Code::SchemaRejected && run_decides {
                    continue;
                }
                let error = failure.error(code, message).object(&probe.table).statement(&sql);
                return Err(error.at(&probe.origin, "for this"));
            }
        };
        answers[*n] = rows.first().and_then(|r| r.first()?.integer()).unwrap_or_default().unsigned_abs();
    }
    Ok(())
}

/// Puts the answers where they belong: losses to the steps, misfits to the obstacles.
pub(super) fn weigh(made: &mut Plan, diff: &Diff, probes: &[Probe], answers: &[u64]) {
    for (probe, count) in probes.iter().zip(answers) {
        let count = *count;
        let rows = rows_text(count);
        let object = diff.changes[probe.change].object().to_owned();
        match &probe.kind {
            ProbeKind::Loss(what) => lose(made, probe, what.clone(), count),
            ProbeKind::Altered(what) if count > 0 => lose(made, probe, what.clone(), count),
            ProbeKind::Filled(column) if count > 0 => {
                made.warnings.push(format!("{rows} of {object} get a value in {column}, which was NULL"));
            }
            ProbeKind::AsText(column) if count > 0 => {
                let numbers = if count == 1 { "1 number".to_owned() } else { format!("{count} numbers") };
                made.warnings.push(format!("{numbers} in {object}.{column}, whose type is one of texts, become texts"));
            }
            ProbeKind::NoValue(column) if count > 0 => {
                let verb = if count == 1 { "has" } else { "have" };
                let takes_default = match &diff.changes[probe.change] {
                    Change::AlterTable(change) => takes_default(change, column),
                    _ => false,
                };
                let or = if takes_default { ", or a DEFAULT" } else { "" };
                made.obstacles.push(
                    Error::new(
                        Code::NoValue,
                        format!("{rows} of {object} {verb} no value for {column}, which is NOT NULL"),
                    )
                    .object(object)
                    .at(&probe.origin, format!("{rows} {verb} NULL here"))
                    .help(format!("give them a value with `-- whimbrel: backfill <expression>` on this line{or}"))
                    .help("see their keys with --show-rows"),
                );
            }
            ProbeKind::Misfit(constraint) if count > 0 && !planted::is(Planted::InsertOrIgnore) => {
                let is_key = probe.condition.is_none();
                let (what, verb) = match (is_key, count) {
                    (true, 1) => ("1 group of equal rows".to_owned(), "violates"),
                    (true, n) => (format!("{n} groups of equal rows"), "violate"),
                    (false, 1) => ("1 row".to_owned(), "does not fit"),
                    (false, n) => (format!("{n} rows"), "do not fit"),
                };
                made.obstacles.push(
                    Error::new(Code::RowsDoNotFit, format!("{what} of {} {verb} {constraint}", probe.table))
                        .object(&probe.table)
                        .at(&probe.origin, format!("{what} {verb} this"))
                        .help("change or delete these rows first; see their keys with --show-rows"),
                );
            }
            ProbeKind::Altered(_)
            | ProbeKind::Filled(_)
            | ProbeKind::AsText(_)
            | ProbeKind::Misplaced
            | ProbeKind::Computed
            | ProbeKind::NoValue(_)
            | ProbeKind::Defaulted
            | ProbeKind::Misfit(_) => {}
        }
    }
}

/// Notes a loss at the step that makes it.
fn lose(made: &mut Plan, probe: &Probe, what: String, rows: u64) {
    let is_step = |step: &&mut Step| {
        step.change == probe.change
            && probe.part.map_or(step.strategy == Strategy::Drop, |part| step.parts.contains(&part))
    };
    if let Some(step) = made.steps.iter_mut().find(is_step) {
        step.hazards.insert(0, Hazard::DataLoss { what, rows });
    }
}

/// Rows of virtual tables that go are counted by asking their module.
pub(super) async fn count_virtual_losses<C: Connection>(conn: &mut C, made: &mut Plan, diff: &Diff) -> Result<()> {
    for step in &mut made.steps {
        let table = match &diff.changes[step.change] {
            Change::DropVirtualTable(table) | Change::AlterVirtualTable { before: table, .. } => table,
            _ => continue,
        };
        match conn.query(&format!("SELECT count(*) FROM {}", main(&table.name))).await {
            Ok(rows) => {
                let count = rows.first().and_then(|r| r.first()?.integer()).unwrap_or_default().unsigned_abs();
                step.rows = count;
                if step.strategy == Strategy::Rebuild {
                    step.hazards.insert(0, Hazard::Rewrite { rows: count });
                    step.statements.iter_mut().for_each(|statement| {
                        if let Statement::Copy(copy) = statement {
                            copy.rows = count;
                        }
                    });
                }
                for hazard in &mut step.hazards {
                    if let Hazard::DataLoss { rows, .. } = hazard {
                        *rows = count;
                    }
                }
            }
            Err(failure) if failure.message.contains("no such module") => made.obstacles.push(
                Error::new(Code::NotRegistered, format!("module {} of {} is not loaded", table.module, table.name))
                    .object(&table.name)
                    .cause(&failure)
                    .help("run this from a program that loads the module, or leave the table out with --ignore"),
            ),
            Err(failure) => {
                return Err(failure
                    .error(Code::Database, format!("{} cannot be read", table.name))
                    .object(&table.name));
            }
        }
    }
    Ok(())
}

/// Names the keys of rows that do not fit, for a person who asked to see them.
pub(super) async fn show_rows<C: Connection>(conn: &mut C, made: &mut Plan, probes: &[Probe], answers: &[u64]) {
    for (probe, count) in probes.iter().zip(answers) {
        let tells = matches!(probe.kind, ProbeKind::Altered(_) | ProbeKind::NoValue(_) | ProbeKind::Misfit(_));
        let Some(sql) = probe.keys.as_ref().filter(|_| *count > 0 && tells) else { continue };
        let Ok(rows) = conn.query(sql).await else { continue };
        let shown = |value: &Value| match value {
            Value::Null => "NULL".to_owned(),
            Value::Integer(n) => n.to_string(),
            Value::Real(n) => n.to_string(),
            Value::Text(text) => format!("{text:?}"),
            Value::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
        };
        let keys: Vec<_> = rows.iter().map(|row| row.iter().map(shown).collect::<Vec<_>>().join(", ")).collect();
        made.warnings.push(format!("keys of the rows of {}: {}", probe.table, keys.join("; ")));
    }
}

/// Puts all losses together into one obstacle.
pub(super) fn refuse_losses(made: &mut Plan) {
    let all: Vec<(String, u64)> = made.losses().map(|(_, what, rows)| (what.to_owned(), rows)).collect();
    if all.is_empty() {
        return;
    }
    let list: Vec<_> = all.iter().map(|(what, rows)| format!("{what} ({})", rows_text(*rows))).collect();
    let is_conversion = |what: &str| what.starts_with("exact values of ");
    let code = if all.iter().all(|(what, _)| is_conversion(what)) { Code::ValuesAltered } else { Code::DataLoss };
    let error = Error::new(code, format!("this would lose {}", list.join(", ")))
        .help("say --accept-data-loss if that is meant")
        .help("keep a table out of sight with --ignore <pattern>");
    made.obstacles.insert(0, error);
}
