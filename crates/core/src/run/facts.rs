//! What the planner has to know of a live database besides its schema.

use std::collections::{BTreeSet, HashMap};

use super::Connection;
use super::inspect::{Live, one_integer, one_row};
use super::sizes::{self, Trees};
use crate::diff::{Change, Diff, TableChange};
use crate::error::{Code, Result};
use crate::plan::{Statement, Step, Strategy};
use crate::schema::{Schema, fold, same_name};
use crate::sqlite::plan::{Facts, fired_by_update};
use crate::sqlite::print::main;
use crate::sqlite::probe::{Probe, ProbeKind};

/// What is cheap to know of a database with this schema: versions, names, whether tables have rows at all.
pub(super) async fn facts<C: Connection>(conn: &mut C, live: &Live, schema: &Schema, diff: &Diff) -> Result<Facts> {
    let mut facts = Facts { version: live.basis.version, fired: fired_by_update(schema), ..Facts::default() };
    facts.names = live.catalogue.iter().map(|row| fold(&row.name)).collect();
    let statistics = ["sqlite_stat1", "sqlite_stat4"];
    facts.statistics = statistics.iter().filter(|s| facts.names.contains(**s)).map(|s| (*s).to_owned()).collect();
    let alters: BTreeSet<&str> = diff.changes.iter().filter_map(|change| live_table(diff, change)).collect();
    let alters: Vec<&str> = alters.into_iter().collect();
    if alters.is_empty() {
        return Ok(facts);
    }
    facts.catalogue_edits = can_edit_catalogue(conn).await?;
    // A build that does not tell how it was made, or an authorizer that forbids asking, is taken for the worse.
    let trims = one_integer(conn, "SELECT sqlite_compileoption_used('ENABLE_NULL_TRIM')").await;
    facts.trims_nulls = !trims.is_ok_and(|used| used == 0);
    let sql = "SELECT tbl_name FROM temp.sqlite_master WHERE type = 'trigger'";
    let rows = conn.query(sql).await.map_err(|f| f.error(Code::Database, "temporary triggers cannot be listed"))?;
    facts.fired.extend(rows.iter().filter_map(|row| Some(fold(row.first()?.text()?))));
    for tables in alters.chunks(50) {
        let terms: Vec<_> = tables.iter().map(|t| format!("EXISTS (SELECT 1 FROM {} NOT INDEXED)", main(t))).collect();
        let row = one_row(conn, &format!("SELECT {}", terms.join(", "))).await?;
        for (table, some) in tables.iter().zip(row) {
            facts.rows.insert(fold(table), some.integer().unwrap_or_default().unsigned_abs());
        }
    }
    Ok(facts)
}

impl Facts {
    /// Takes up what the rows have answered.
    pub(super) fn learn(&mut self, probes: &[Probe], answers: &[u64]) {
        for (probe, answer) in probes.iter().zip(answers) {
            match (&probe.kind, probe.part) {
                (ProbeKind::Loss(_), None) => {
                    self.rows.insert(fold(&probe.table), *answer);
                }
                (ProbeKind::NoValue(_) | ProbeKind::Filled(_), Some(part)) => {
                    let nulls = self.nulls.entry((probe.change, part)).or_default();
                    *nulls = (*nulls).max(*answer);
                }
                (ProbeKind::Defaulted, Some(part)) => {
                    self.defaulted.insert((probe.change, part), *answer);
                }
                _ => {}
            }
        }
    }
}

/// Under SQLite's defensive mode `writable_schema` stays off, whatever is asked; there is no other way to find out.
async fn can_edit_catalogue<C: Connection>(conn: &mut C) -> Result<bool> {
    if one_integer(conn, "PRAGMA writable_schema").await? == 1 {
        return Ok(true);
    }
    let set = conn.execute("PRAGMA writable_schema = ON").await;
    let now = one_integer(conn, "PRAGMA writable_schema").await;
    conn.execute("PRAGMA writable_schema = OFF").await.map_err(|f| {
        f.error(Code::Setting, "PRAGMA writable_schema could not be put back").help("open a new connection")
    })?;
    Ok(set.is_ok() && now? == 1)
}

/// The table whose rows a change is about, by its live name; none where the table is new, though one that is renamed may
/// have had its name.
fn live_table<'d>(diff: &'d Diff, change: &'d Change) -> Option<&'d str> {
    match change {
        Change::AlterTable(change) => Some(&change.before.name),
        Change::CreateIndex(index) | Change::AlterIndex { after: index, .. } if index.unique => {
            let is_new = |c: &Change| matches!(c, Change::CreateTable(table) if same_name(&table.name, &index.table));
            if diff.changes.iter().any(is_new) {
                return None;
            }
            let rename = diff.renames.tables.iter().find(|r| same_name(&r.after, &index.table));
            Some(rename.map_or(&index.table, |r| &r.before))
        }
        _ => None,
    }
}

/// Counts rows, and bytes where they are written again, of the tables whose rows a plan reads or writes.
pub(super) async fn count_touched<C: Connection>(
    conn: &mut C,
    diff: &Diff,
    after: &Schema,
    steps: &[Step],
    facts: &mut Facts,
) -> Result<()> {
    let mut counted = HashMap::new();
    for step in steps {
        let Some(table) = live_table(diff, &diff.changes[step.change]) else { continue };
        let rewrites = step.rewrites();
        let touches = rewrites || step.rows > 0 || !step.hazards.is_empty();
        let some = facts.rows.get(&fold(table)).is_some_and(|rows| *rows > 0);
        let known: &mut bool = counted.entry(fold(table)).or_insert(false);
        if touches && some && !*known {
            *known = true;
            let rows = one_integer(conn, &format!("SELECT count(*) FROM {}", main(table))).await?;
            facts.rows.insert(fold(table), rows.unsigned_abs());
        }
        let drops =
            |statement: &Statement| matches!(statement, Statement::Execute(sql) if sql.contains(" DROP COLUMN "));
        if (rewrites || step.statements.iter().any(drops)) && some {
            let trees = Trees::of(conn, table).await;
            facts.bytes.insert(fold(table), trees.bytes(table));
            if let Change::AlterTable(change) = &diff.changes[step.change] {
                sizes_of_step(conn, (step, change), diff, after, &trees, facts).await;
            }
        }
    }
    Ok(())
}

/// What a step that writes rows again will take.
async fn sizes_of_step<C: Connection>(
    conn: &mut C,
    (step, change): (&Step, &TableChange),
    diff: &Diff,
    after: &Schema,
    trees: &Trees,
    facts: &mut Facts,
) {
    let rows = facts.rows.get(&fold(&change.before.name)).copied().unwrap_or_default();
    if step.strategy == Strategy::Rebuild {
        let copy = sizes::of_copy(conn, change, diff, after, rows, trees).await;
        facts.copies.extend(copy.map(|bytes| (step.change, bytes)));
    }
    let fill = step.statements.iter().find_map(|statement| match statement {
        Statement::Fill(fill) => Some(fill),
        _ => None,
    });
    if let (Some(fill), Some(part)) = (fill, step.parts.first()) {
        let place = (step.change, *part);
        let filled = fill.condition.as_ref().and_then(|_| facts.nulls.get(&place)).copied().unwrap_or(rows);
        let growth = match fill.values.is_empty() {
            true => sizes::not_held(conn, change, rows, trees).await,
            false => sizes::growth(conn, change, fill, (filled, rows), trees).await,
        };
        facts.growth.extend(growth.map(|bytes| (place, bytes)));
    }
}
