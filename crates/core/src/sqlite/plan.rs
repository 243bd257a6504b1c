//! Changes → steps, for SQLite.
//!
//! For each change the cheapest way that is safe: nothing, ALTER in place as far as the running version can, with an UPDATE
//! where rows get values, an edit of the table's text in the catalogue exactly where SQLite documents it as safe, else a
//! rebuild. All steps of a plan run in one transaction, in this order:
//!
//! 1. triggers, views and indexes that change, or that stand in the way of an ALTER, are dropped;
//! 2. tables and columns are renamed;
//! 3. new tables are made, tables are altered or rebuilt, tables that are gone are dropped, in this order, so that a
//!    back-fill can read a table that goes;
//! 4. virtual tables, indexes, views and triggers are made.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::dependents::dependents;
use super::print::{self, main};
use super::rebuild::{Surroundings, rebuild};
use super::strategy::{InPlaceFill, Way, has_index, is_edited, is_own_check, is_own_key, keeps_values, needs_rebuild};
use super::token::{quote_name, quote_text};
use super::virtual_tables;
use crate::diff::{Change, Diff, Note, Part, TableChange};
use crate::plan::{Fill, Hazard, Statement, Step, Strategy};
use crate::planted::{self, Planted};
use crate::schema::{Event, Meaning, Schema, Table, Trigger, fold, same_name};

/// What the planner knows of the database besides its schema.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// SQLite's version as a number.
    pub version: u32,
    /// Whether the catalogue can be edited (`writable_schema` is not forbidden).
    pub catalogue_edits: bool,
    /// Rows by table, for tables that change: the number where it was asked for, else 1 for some; by live name in
    /// lower case.
    pub rows: HashMap<String, u64>,
    /// Bytes by table, as far as known; by live name in lower case.
    pub bytes: HashMap<String, Bytes>,
    /// Bytes that the copy of a table takes, with its indexes, where that is known; by place of change.
    pub copies: HashMap<usize, u64>,
    /// Bytes by which a table grows where its rows get values, or hold what they only read so far; by place of change and of the
    /// step's first part.
    pub growth: HashMap<(usize, usize), u64>,
    /// Rows that are NULL in a column that becomes NOT NULL; by place of change and part.
    pub nulls: HashMap<(usize, usize), u64>,
    /// Rows that may read the default of a column whose default changes, and not hold it; by place of change and part.
    pub defaulted: HashMap<(usize, usize), u64>,
    /// Whether this SQLite leaves NULLs at the end of a row away.
    pub trims_nulls: bool,
    /// Tables on which an UPDATE would fire a trigger; by live name in lower case.
    pub fired: HashSet<String>,
    /// Statistics tables that exist.
    pub statistics: Vec<String>,
    /// All names in the database, in lower case.
    pub names: HashSet<String>,
}

impl Facts {
    pub(super) fn rows(&self, table: &str) -> u64 {
        self.rows.get(&fold(table)).copied().unwrap_or(0)
    }

    fn bytes(&self, table: &str) -> Bytes {
        self.bytes.get(&fold(table)).copied().unwrap_or_default()
    }
}

/// The usual size of a page, in bytes.
pub(crate) const PAGE: u64 = 4096;

/// What a table takes in the file.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bytes {
    /// With its indexes.
    pub all: u64,
    /// Without them.
    pub own: u64,
}

/// The tables of a schema on which an UPDATE fires a trigger, in lower case.
pub(crate) fn fired_by_update(schema: &Schema) -> HashSet<String> {
    let fired = schema.triggers.iter().filter(|trigger| matches!(trigger.event, Event::Update(_)));
    fired.map(|trigger| fold(&trigger.target)).collect()
}

/// What the planner makes.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    pub steps: Vec<Step>,
    pub notes: Vec<Note>,
    /// Tables whose foreign keys must be checked afterwards, by their names before and after.
    pub foreign_key_checks: Vec<(String, String)>,
    /// Whether an ALTER reads every view and trigger of the database, so that a broken one stops it.
    pub reads_whole_schema: bool,
}

/// Plans the steps for a diff.
pub(crate) fn plan(before: &Schema, after: &Schema, diff: &Diff, facts: &Facts) -> Planned {
    let planner = Planner {
        before,
        after,
        diff,
        facts,
        names: Names::new(facts, after),
        changes: diff.changes.iter().enumerate().map(|(n, c)| ((c.object_kind(), fold(c.object())), n)).collect(),
        dropped: HashSet::new(),
        planned: Planned::default(),
    };
    planner.plan()
}

/// Names for things that live only within the transaction.
struct Names {
    taken: HashSet<String>,
    next: u32,
}

impl Names {
    fn new(facts: &Facts, after: &Schema) -> Self {
        let mut taken = facts.names.clone();
        taken.extend(after.tables.iter().map(|t| fold(&t.name)));
        Names { taken, next: 1 }
    }

    fn fresh(&mut self) -> String {
        loop {
            let name = format!("_whimbrel_{}", self.next);
            self.next += 1;
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

struct Planner<'a> {
    before: &'a Schema,
    after: &'a Schema,
    diff: &'a Diff,
    facts: &'a Facts,
    names: Names,
    /// Places of the changes, by kind and name of the object in lower case.
    changes: HashMap<(&'static str, String), usize>,
    /// Views and triggers that were dropped, by kind and name in lower case.
    dropped: HashSet<(&'static str, String)>,
    planned: Planned,
}

impl Planner<'_> {
    fn plan(mut self) -> Planned {
        let ways: HashMap<usize, Vec<Way>> =
            self.table_changes().map(|(n, change)| (n, self.facts.ways(n, change, self.before))).collect();
        let rebuilt: HashSet<usize> =
            self.table_changes().filter(|(n, _)| needs_rebuild(&ways[n])).map(|(n, _)| n).collect();

        self.drop_dependents(&ways, &rebuilt);
        self.drop_virtual_tables();
        self.rename();
        let (diff, facts) = (self.diff, self.facts);
        for (n, change) in diff.changes.iter().enumerate() {
            match change {
                Change::CreateTable(table) => {
                    let sql = print::create_table(table, &table.name);
                    self.step(n, Strategy::Create, "create", vec![Statement::Execute(sql)]);
                }
                Change::AlterTable(change) if rebuilt.contains(&n) => self.rebuild(n, change, &ways[&n]),
                Change::AlterTable(change) => self.alter(n, change, &ways[&n]),
                _ => {}
            }
        }
        for (n, change) in diff.changes.iter().enumerate() {
            if let Change::DropTable(table) = change {
                let sql = format!("DROP TABLE {}", main(&self.live_name(&table.name)));
                let step = self.step(n, Strategy::Drop, "drop", vec![Statement::Execute(sql)]);
                step.hazards.push(Hazard::Irreversible);
                step.rows = facts.rows(&table.name);
            }
        }
        virtual_tables::plan(self.before, diff, &mut |n, strategy, title, statements, hazards| {
            let step = self.step(n, strategy, title, statements);
            step.hazards.extend(hazards);
        });
        self.refresh_search();
        self.create_dependents(&rebuilt);
        self.notes(&rebuilt);
        let filled =
            ways.iter().filter(|(_, ways)| ways.iter().any(|way| matches!(way, Way::Fill(_)))).map(|(n, _)| *n);
        self.foreign_key_checks(&rebuilt.union(&filled.collect()).copied().collect());
        self.planned
    }

    fn table_changes(&self) -> impl Iterator<Item = (usize, &TableChange)> {
        self.diff.changes.iter().enumerate().filter_map(|(n, change)| match change {
            Change::AlterTable(change) => Some((n, &**change)),
            _ => None,
        })
    }

    fn step(&mut self, n: usize, strategy: Strategy, title: &str, statements: Vec<Statement>) -> &mut Step {
        self.planned.steps.push(Step {
            change: n,
            object: self.diff.changes[n].object().to_owned(),
            title: title.to_owned(),
            strategy,
            statements,
            ..Step::default()
        });
        let last = self.planned.steps.len() - 1;
        &mut self.planned.steps[last]
    }

    /// What a table that is dropped is called when its turn comes.
    fn live_name(&self, name: &str) -> String {
        let renames = self.diff.renames.tables.iter();
        renames.clone().find(|r| same_name(&r.before, name)).map_or_else(|| name.to_owned(), |r| r.after.clone())
    }

    /// Tables that an ALTER changes in a way that makes SQLite read every view and trigger.
    fn altered_names(&self, ways: &HashMap<usize, Vec<Way>>, rebuilt: &HashSet<usize>) -> HashSet<String> {
        let mut names = HashSet::new();
        for rename in &self.diff.renames.tables {
            names.extend([fold(&rename.before), fold(&rename.after)]);
        }
        for (before, after) in &self.diff.renames.virtual_tables {
            names.extend([fold(before), fold(after)]);
        }
        for (n, change) in self.table_changes() {
            let drops = |(part, way): (&Part, &Way)| match way {
                Way::InPlace(_) => matches!(part, Part::DropColumn(_)) && !rebuilt.contains(&n),
                Way::Fill(fill) => fill.drops && !rebuilt.contains(&n),
                _ => false,
            };
            if change.parts.iter().zip(&ways[&n]).any(drops) {
                names.insert(fold(&change.before.name));
            }
        }
        names
    }

    /// 1. What changes, and what stands in the way of an ALTER.
    fn drop_dependents(&mut self, ways: &HashMap<usize, Vec<Way>>, rebuilt: &HashSet<usize>) {
        let altered = self.altered_names(ways, rebuilt);
        self.planned.reads_whole_schema = !altered.is_empty();
        let changed_views: HashSet<String> = self
            .diff
            .changes
            .iter()
            .filter_map(|c| match c {
                Change::DropView(v) | Change::AlterView { before: v, .. } => Some(fold(&v.name)),
                _ => None,
            })
            .collect();
        // What reads a view that is dropped is broken for a while, and an ALTER would stumble over it.
        let missed = if altered.is_empty() { HashSet::new() } else { changed_views.clone() };
        let in_the_way = dependents(self.before, &altered.union(&missed).cloned().collect());
        let views: HashSet<String> = in_the_way.views.union(&changed_views).cloned().collect();
        let goes = |trigger: &&Trigger| {
            // A trigger goes with the view or table it belongs to; it is dropped by name, so that none is forgotten.
            self.change_of("trigger", &trigger.name).is_some()
                || in_the_way.triggers.contains(&fold(&trigger.name))
                || views.contains(&fold(&trigger.target))
        };
        let mut going: HashSet<String> = self.before.triggers.iter().filter(goes).map(|t| fold(&t.name)).collect();
        let displaced = self.displaced_triggers(&going, rebuilt);
        going.extend(displaced);
        for trigger in self.before.triggers.iter().filter(|t| going.contains(&fold(&t.name))) {
            let change = self.change_of("trigger", &trigger.name);
            self.drop_step("TRIGGER", &trigger.name, change);
        }
        let order: Vec<String> = print::views_in_order(self.before).iter().rev().map(|v| v.name.clone()).collect();
        for name in order.iter().filter(|name| views.contains(&fold(name))) {
            let change = self.change_of("view", name);
            self.drop_step("VIEW", name, change);
        }
        for (n, change) in self.diff.changes.iter().enumerate() {
            if let Change::DropIndex(index) | Change::AlterIndex { before: index, .. } = change {
                self.drop_step("INDEX", &index.name, Some(n));
            }
        }
    }

    /// Triggers fire in the order in which they were made, the newest first. Where that would no longer be the declared
    /// order, all triggers of the table are made anew.
    fn displaced_triggers(&self, going: &HashSet<String>, rebuilt: &HashSet<usize>) -> HashSet<String> {
        let made_anew: HashSet<String> =
            self.table_changes().filter(|(n, _)| rebuilt.contains(n)).map(|(_, c)| fold(&c.after.name)).collect();
        let mut by_target: HashMap<String, Vec<&Trigger>> = HashMap::new();
        for trigger in &self.after.triggers {
            by_target.entry(fold(&trigger.target)).or_default().push(trigger);
        }
        let places: HashMap<String, usize> =
            self.before.triggers.iter().enumerate().map(|(n, t)| (fold(&t.name), n)).collect();
        let mut displaced = HashSet::new();
        for (target, triggers) in by_target {
            // What stays keeps its place; what is made anew comes behind it.
            let place = |t: &&Trigger| places.get(&fold(&t.name)).filter(|_| !going.contains(&fold(&t.name)));
            let order = triggers.iter().map(|t| place(t).copied().unwrap_or(usize::MAX));
            let is_made = triggers.iter().any(|t| place(t).is_none());
            if is_made && !made_anew.contains(&target) && !order.is_sorted() {
                displaced.extend(triggers.iter().map(|t| fold(&t.name)).filter(|name| places.contains_key(name)));
            }
        }
        displaced
    }

    /// Their names may be those of new tables.
    fn drop_virtual_tables(&mut self) {
        let diff = self.diff;
        for (n, change) in diff.changes.iter().enumerate() {
            if let Change::DropVirtualTable(table) = change {
                let sql = format!("DROP TABLE {}", main(&table.name));
                let hazards = virtual_tables::losses_of_drop(table);
                self.step(n, Strategy::Drop, "drop", vec![Statement::Execute(sql)]).hazards = hazards;
            }
        }
    }

    fn change_of(&self, kind: &'static str, name: &str) -> Option<usize> {
        self.changes.get(&(kind, fold(name))).copied()
    }

    fn drop_step(&mut self, kind: &'static str, name: &str, change: Option<usize>) {
        self.dropped.insert((kind, fold(name)));
        let strategy = match change.map(|n| &self.diff.changes[n]) {
            Some(Change::DropTrigger(_) | Change::DropView(_) | Change::DropIndex(_)) => Strategy::Drop,
            _ => Strategy::Recreate,
        };
        let quoted = if planted::is(Planted::QuotingForgotten) { format!("main.{name}") } else { main(name) };
        let statements = vec![Statement::Execute(format!("DROP {kind} {quoted}"))];
        let title = if strategy == Strategy::Drop { "drop" } else { "drop, to be made anew" };
        // What only makes way belongs to the first change that needs it.
        let n = change.or_else(|| self.first_rename_or_drop()).unwrap_or_default();
        let step = self.step(n, strategy, title, statements);
        step.object = name.to_owned();
    }

    fn first_rename_or_drop(&self) -> Option<usize> {
        self.table_changes()
            .find(|(_, c)| {
                let makes_way = |p: &Part| matches!(p, Part::Rename | Part::RenameColumn { .. } | Part::DropColumn(_));
                c.parts.iter().any(makes_way)
            })
            .map(|(n, _)| n)
    }

    /// 2. Tables first, then columns; where the new name is still taken, by way of a third.
    fn rename(&mut self) {
        let tables: Vec<(String, String)> = self
            .diff
            .renames
            .tables
            .iter()
            .map(|r| (r.before.clone(), r.after.clone()))
            .chain(self.diff.renames.virtual_tables.iter().cloned())
            .filter(|(before, after)| before != after)
            .collect();
        let mut fresh = || self.names.fresh();
        let table_steps = rename_in_order(&tables, &mut fresh);
        for (from, to, place) in table_steps {
            let final_name = &tables[place].1;
            let n = self.change_of_table(final_name);
            let sql = format!("ALTER TABLE {} RENAME TO {}", main(&from), quote_name(&to));
            let statistics: Vec<_> = self.facts.statistics.iter().map(|s| rename_statistics(s, &from, &to)).collect();
            let step =
                self.rename_step(n, &format!("rename {from} to {to}"), sql, &|part| matches!(part, Part::Rename));
            step.statements.extend(statistics.into_iter().map(Statement::Execute));
        }
        let by_copy: HashSet<String> = self
            .table_changes()
            .filter(|(_, change)| self.facts.renames_by_copy(change))
            .map(|(_, change)| fold(&change.after.name))
            .collect();
        for rename in self.diff.renames.tables.iter().filter(|r| !by_copy.contains(&fold(&r.after))) {
            let pairs: Vec<(String, String)> = rename.columns.iter().filter(|(b, a)| b != a).cloned().collect();
            let mut fresh = || self.names.fresh();
            for (from, to, place) in rename_in_order(&pairs, &mut fresh) {
                let n = self.change_of_table(&rename.after);
                let (table, from_name, to_name) = (main(&rename.after), quote_name(&from), quote_name(&to));
                let sql = format!("ALTER TABLE {table} RENAME COLUMN {from_name} TO {to_name}");
                let pair = &pairs[place];
                self.rename_step(n, &format!("rename column {from} to {to}"), sql, &|part| {
                    matches!(part, Part::RenameColumn { before, after } if *before == pair.0 && *after == pair.1)
                });
            }
        }
    }

    fn rename_step(&mut self, n: usize, title: &str, sql: String, is_part: &dyn Fn(&Part) -> bool) -> &mut Step {
        let parts = match &self.diff.changes[n] {
            Change::AlterTable(change) => (0..change.parts.len()).filter(|p| is_part(&change.parts[*p])).collect(),
            _ => Vec::new(),
        };
        let step = self.step(n, Strategy::InPlace, title, vec![Statement::Execute(sql)]);
        step.parts = parts;
        step
    }

    fn change_of_table(&self, name: &str) -> usize {
        let is_it = |c: &Change| match c {
            Change::AlterTable(c) => same_name(&c.after.name, name),
            Change::AlterVirtualTable { after, .. } => same_name(&after.name, name),
            Change::DropTable(t) => same_name(&self.live_name(&t.name), name),
            _ => false,
        };
        self.diff.changes.iter().position(is_it).unwrap_or_default()
    }

    fn alter(&mut self, n: usize, change: &TableChange, ways: &[Way]) {
        let (rows, bytes) = (self.facts.rows(&change.before.name), self.facts.bytes(&change.before.name));
        let filled = self.fill(n, change, ways);
        // Parts name new columns before those that go: SQLite drops no column that is the last one.
        for (p, way) in ways.iter().enumerate() {
            match way {
                Way::InPlace(_) if filled.contains(&p) => {}
                Way::InPlace(sql) => {
                    let part = &change.parts[p];
                    let parts = with_own_parts(change, p);
                    let statements = sql.iter().cloned().map(Statement::Execute).collect();
                    let title = match part.sign() {
                        '+' => format!("add {}", part.describe()),
                        '-' => format!("drop {}", part.describe()),
                        _ => part.describe(),
                    };
                    let hazards = part_hazards(part, rows);
                    let rewrites = matches!(part, Part::DropColumn(_));
                    let step = self.step(n, Strategy::InPlace, &title, statements);
                    step.parts = parts;
                    step.hazards = hazards;
                    step.rows = if rewrites { rows } else { 0 };
                    // The rows are written again where they stand: the journal holds the pages as they were.
                    step.bytes = if rewrites { bytes.own } else { 0 };
                }
                Way::Catalogue | Way::Fill(_) | Way::With | Way::Rebuild(_) => {}
            }
        }
        // Last, when the columns stand as declared: the edit writes the declared text.
        let edits: Vec<usize> = (0..ways.len()).filter(|p| is_edited(&change.parts[*p], &ways[*p])).collect();
        if !edits.is_empty() {
            let sql = print::create_table(&change.after, &change.after.name).replacen(" main.", " ", 1);
            let edit = format!(
                "UPDATE main.sqlite_master SET sql = {} WHERE type = 'table' AND name = {}",
                quote_text(&sql),
                quote_text(&change.after.name)
            );
            let settled = self.settle_defaults(n, change, &edits);
            let settles = settled.as_ref().map(|(_, rows, length)| (*rows, *length));
            let grows = self.facts.growth.get(&(n, edits[0])).copied();
            let mut statements: Vec<Statement> = settled.into_iter().map(|(fill, ..)| Statement::Fill(fill)).collect();
            statements.extend([
                Statement::Execute("PRAGMA writable_schema = ON".to_owned()),
                Statement::Execute(edit),
                Statement::RaiseSchemaVersion,
                Statement::Execute("PRAGMA writable_schema = OFF".to_owned()),
            ]);
            if planted::is(Planted::SchemaVersionNotRaised) {
                statements.retain(|statement| *statement != Statement::RaiseSchemaVersion);
            }
            let title = |p: &usize| match (&change.parts[*p], &ways[*p]) {
                (part @ Part::AlterColumn { .. }, Way::Catalogue) => part.describe(),
                (Part::AlterColumn { after, .. }, _) => format!("default of {}", after.name),
                (part, _) => format!("drop {}", part.describe()),
            };
            let title = edits.iter().map(title).collect::<Vec<_>>();
            let step = self.step(n, Strategy::Catalogue, &title.join(", "), statements);
            step.parts = edits;
            step.reason = Some(match settles {
                None => "SQLite has no ALTER for it, and no row has to be touched".to_owned(),
                Some(_) => {
                    "SQLite has no ALTER for it; rows that may only read the old default are written first".to_owned()
                }
            });
            if let Some((settled, length)) = settles {
                // SQLite leaves a row alone that holds it all already; how many do can only be judged. Each of the others may stand
                // on a page of its own, and splits it.
                let all = u128::from(rows.max(1));
                let share =
                    |part: u64, of: u64| u64::try_from(u128::from(part) * u128::from(of) / all).unwrap_or(u64::MAX);
                let growth = grows.map_or(length, |grows| share(grows, settled));
                let written = if growth >= length { settled } else { settled.saturating_mul(growth) / length.max(1) };
                let splits = share(bytes.own / 10, written);
                step.rows = rows;
                step.bytes = bytes.own.min(written.saturating_mul(PAGE)).saturating_add(growth).saturating_add(splits);
                step.hazards.push(Hazard::Rewrite { rows: settled });
            }
        }
    }

    /// Rows that may only read a default that changes hold it before it does; how many these are, and the bytes of what they
    /// hold then. None where there are none.
    fn settle_defaults(&self, n: usize, change: &TableChange, edits: &[usize]) -> Option<(Fill, u64, u64)> {
        let settled = edits.iter().filter_map(|p| self.facts.settles_default(n, change, *p, self.before));
        let settled: Vec<_> = settled.filter(|settled| settled.rows > 0).collect();
        let column = settled.first()?.column.clone();
        let conditions: Vec<&str> = settled.iter().map(|settled| settled.condition.as_str()).collect();
        let table = main(&change.after.name);
        let alias = change.renamed.rowid_alias().map(|c| quote_name(&c.name));
        let fill = Fill {
            head: format!("UPDATE OR ABORT {table} SET {column} = {column}"),
            condition: Some(conditions.join(" OR ")),
            values: Vec::new(),
            table,
            rowid: change.renamed.rowid_name().map(str::to_owned).or(alias),
            rows: self.facts.rows(&change.before.name),
        };
        let rows = settled.iter().map(|settled| settled.rows).sum::<u64>().min(fill.rows);
        let length = settled.iter().map(|settled| settled.rows.saturating_mul(settled.length));
        let length = length.fold(0, u64::saturating_add);
        Some((fill, rows, length))
    }

    /// New columns, where some of them get values, with one UPDATE; then values for rows that have none. All before
    /// anything that they are computed from goes. Returns the parts that are done by this.
    fn fill(&mut self, n: usize, change: &TableChange, ways: &[Way]) -> HashSet<usize> {
        let is_new = |p: &usize| matches!(change.parts[*p], Part::AddColumn(_));
        let is_fill = |p: &usize| matches!(ways[*p], Way::Fill(_));
        let fills: Vec<usize> = (0..ways.len()).filter(is_fill).collect();
        // One after the other, so that they stand in the declared order.
        let new: Vec<usize> = match fills.iter().any(is_new) {
            true => (0..ways.len()).filter(is_new).collect(),
            false => Vec::new(),
        };
        if !new.is_empty() {
            self.fill_step(n, change, ways, &new);
        }
        let old: Vec<usize> = fills.into_iter().filter(|p| !is_new(p)).collect();
        for p in &old {
            self.fill_step(n, change, ways, &[*p]);
        }
        new.into_iter().chain(old).collect()
    }

    fn fill_step(&mut self, n: usize, change: &TableChange, ways: &[Way], places: &[usize]) {
        let (rows, bytes) = (self.facts.rows(&change.before.name), self.facts.bytes(&change.before.name));
        let growth = self.facts.growth.get(&(n, places[0])).copied().unwrap_or_default();
        let alias = change.renamed.rowid_alias().map(|c| quote_name(&c.name));
        let table = main(&change.after.name);
        let mut statements = Vec::new();
        let mut fills: Vec<&InPlaceFill> = Vec::new();
        for p in places {
            match &ways[*p] {
                Way::Fill(fill) => {
                    statements.extend(fill.add.iter().cloned().map(Statement::Execute));
                    fills.push(fill);
                }
                Way::InPlace(sql) => statements.extend(sql.iter().cloned().map(Statement::Execute)),
                Way::Catalogue | Way::With | Way::Rebuild(_) => {}
            }
        }
        let sets: Vec<String> = fills.iter().map(|fill| format!("{} = {}", fill.column, fill.value)).collect();
        let condition = fills.iter().find_map(|fill| fill.condition.clone());
        let fills_gaps = condition.is_some();
        statements.push(Statement::Fill(Fill {
            // OR ABORT: a conflict clause in the table's own text must not drop rows silently.
            head: format!("UPDATE OR ABORT {table} SET {}", sets.join(", ")),
            condition,
            values: fills.iter().map(|fill| fill.value.clone()).collect(),
            table,
            rowid: change.renamed.rowid_name().map(str::to_owned).or(alias),
            rows,
        }));
        statements.extend(fills.iter().flat_map(|fill| &fill.then).cloned().map(Statement::Execute));

        let title = places.iter().map(|p| change.parts[*p].describe()).collect::<Vec<_>>().join(", ");
        let is_new = matches!(change.parts[places[0]], Part::AddColumn(_));
        let title = if is_new { format!("add {title}, with values") } else { title };
        let parts: Vec<usize> = places.iter().flat_map(|p| with_own_parts(change, *p)).collect();
        let gaps = self.facts.nulls.get(&(n, places[0])).copied();
        // A value that fills a gap may stand in an index, too.
        let is_filled = |name: &String| fills.iter().any(|fill| fill.column == quote_name(name));
        let indexed = change.renamed.columns.iter().map(|column| &column.name).filter(|name| is_filled(name));
        let writes_indexes = fills_gaps && indexed.into_iter().any(|name| has_index(name, &change.after, self.after));
        let mut hazards = vec![Hazard::Rewrite { rows: gaps.filter(|_| fills_gaps).unwrap_or(rows) }];
        hazards.extend(parts.iter().flat_map(|p| part_hazards(&change.parts[*p], rows)));
        let step = self.step(n, Strategy::InPlace, &title, statements);
        step.parts = parts;
        step.hazards = hazards;
        step.rows = rows;
        // The journal holds the pages as they were.
        step.bytes = if writes_indexes { bytes.all } else { bytes.own } + growth;
    }

    fn rebuild(&mut self, n: usize, change: &TableChange, ways: &[Way]) {
        let rows = self.facts.rows(&change.before.name);
        let temporary = self.names.fresh();
        let statements = rebuild(
            change,
            &Surroundings {
                temporary: &temporary,
                rows,
                statistics: &self.facts.statistics,
                after: self.after,
                renames: self.facts.renames_by_copy(change),
            },
        );
        let mut reasons: Vec<&str> = Vec::new();
        for way in ways {
            if let Way::Rebuild(reason) = way
                && !reasons.contains(reason)
            {
                reasons.push(reason);
            }
        }
        let is_renamed = |p: &usize| matches!(change.parts[*p], Part::Rename | Part::RenameColumn { .. });
        let parts: Vec<usize> = (0..change.parts.len()).filter(|p| !is_renamed(p)).collect();
        let mut hazards: Vec<Hazard> = parts.iter().flat_map(|p| part_hazards(&change.parts[*p], rows)).collect();
        if rows > 0 {
            hazards.insert(0, Hazard::Rewrite { rows });
        }
        let bytes = self.facts.copies.get(&n).copied().unwrap_or(self.facts.bytes(&change.before.name).all);
        let reason = if reasons.is_empty() { "its parts cannot be combined in place" } else { &reasons.join("; ") };
        let reason = reason.to_owned();
        let step = self.step(n, Strategy::Rebuild, "rebuild", statements);
        step.parts = parts;
        step.reason = Some(reason);
        step.hazards = hazards;
        step.rows = rows;
        step.bytes = bytes;
    }

    /// Full-text tables that keep their text in a table whose values change are filled anew.
    fn refresh_search(&mut self) {
        let changed: Vec<(usize, String)> = self
            .table_changes()
            .filter(|(_, change)| !keeps_values(change) || change.before.name != change.after.name)
            .map(|(n, change)| (n, change.after.name.clone()))
            .collect();
        if planted::is(Planted::SearchNotFilled) {
            return;
        }
        for table in &self.after.virtual_tables {
            let Some(content) = virtual_tables::external_content(table) else { continue };
            // One that only gets another name keeps its index.
            let is_filled = |c: &Change| match c {
                Change::CreateVirtualTable(t) => same_name(&t.name, &table.name),
                Change::AlterVirtualTable { before, after } => {
                    same_name(&after.name, &table.name) && Meaning::meaning(before) != Meaning::meaning(after)
                }
                _ => false,
            };
            if self.diff.changes.iter().any(is_filled) {
                continue;
            }
            if let Some((n, _)) = changed.iter().find(|(_, name)| same_name(name, &content)) {
                let statements = virtual_tables::fill_from_content(table);
                let step = self.step(*n, Strategy::Recreate, "fill the full-text index anew", statements);
                step.object = table.name.clone();
            }
        }
    }

    /// 4. What was dropped, what is new, and what went with a rebuilt table.
    fn create_dependents(&mut self, rebuilt: &HashSet<usize>) {
        let rebuilt: HashMap<String, usize> =
            self.table_changes().filter(|(n, _)| rebuilt.contains(n)).map(|(n, c)| (fold(&c.after.name), n)).collect();
        // Rows by the name a table has now.
        let live_rows: HashMap<String, u64> =
            self.table_changes().map(|(_, c)| (fold(&c.after.name), self.facts.rows(&c.before.name))).collect();
        for index in &self.after.indexes {
            let change = self.change_of("index", &index.name);
            let with_table =
                rebuilt.get(&fold(&index.table)).copied().filter(|_| !planted::is(Planted::IndexForgotten));
            if let Some(n) = change.or(with_table) {
                let sql = print::create_index(index);
                let strategy = self.strategy_of(n, change.is_some());
                // A new table has no rows, whoever had its name before.
                let live = match live_rows.get(&fold(&index.table)) {
                    Some(rows) => *rows,
                    None if self.change_of("table", &index.table).is_some() => 0,
                    None => self.facts.rows(&index.table),
                };
                let hazards = if index.unique && change.is_some() && live > 0 {
                    vec![Hazard::MayFail { constraint: format!("UNIQUE index {}", index.name), rows: live }]
                } else {
                    Vec::new()
                };
                let step = self.step(n, strategy, "create index", vec![Statement::Execute(sql)]);
                step.object = index.name.clone();
                step.hazards = hazards;
            }
        }
        let after = self.after;
        for view in print::views_in_order(after) {
            let change = self.change_of("view", &view.name);
            let was_dropped =
                self.dropped.contains(&("VIEW", fold(&view.name))) && !planted::is(Planted::ViewNotRecreated);
            if change.is_some() || was_dropped {
                let n = change.or_else(|| self.first_rename_or_drop()).unwrap_or_default();
                let strategy = self.strategy_of(n, change.is_some());
                let sql = print::create_view(view);
                let step = self.step(n, strategy, "create view", vec![Statement::Execute(sql)]);
                step.object = view.name.clone();
            }
        }
        for trigger in &after.triggers {
            let change = self.change_of("trigger", &trigger.name);
            let was_dropped = self.dropped.contains(&("TRIGGER", fold(&trigger.name)));
            let with_table =
                rebuilt.get(&fold(&trigger.target)).copied().filter(|_| !planted::is(Planted::TriggerLost));
            if change.is_some() || was_dropped || with_table.is_some() {
                let n = change.or(with_table).or_else(|| self.first_rename_or_drop()).unwrap_or_default();
                let strategy = self.strategy_of(n, change.is_some());
                let sql = print::create_trigger(trigger);
                let step = self.step(n, strategy, "create trigger", vec![Statement::Execute(sql)]);
                step.object = trigger.name.clone();
            }
        }
    }

    fn strategy_of(&self, n: usize, is_its_change: bool) -> Strategy {
        let is_new =
            matches!(self.diff.changes[n], Change::CreateIndex(_) | Change::CreateView(_) | Change::CreateTrigger(_));
        if is_its_change && is_new { Strategy::Create } else { Strategy::Recreate }
    }

    /// A rebuilt table has the declared order of columns.
    fn notes(&mut self, rebuilt: &HashSet<usize>) {
        let tables: HashSet<String> =
            self.table_changes().filter(|(n, _)| rebuilt.contains(n)).map(|(_, c)| fold(&c.after.name)).collect();
        let keeps = |note: &&Note| match note {
            Note::ColumnOrder { table, .. } => !tables.contains(&fold(table)),
        };
        self.planned.notes = self.diff.notes.iter().filter(keeps).cloned().collect();
    }

    /// Only what was touched can have got a violation.
    fn foreign_key_checks(&mut self, rewritten: &HashSet<usize>) {
        let mut touched: HashSet<String> = HashSet::new();
        let mut own: HashSet<String> = HashSet::new();
        for (n, change) in self.diff.changes.iter().enumerate() {
            match change {
                Change::DropTable(table) => {
                    touched.insert(fold(&table.name));
                }
                Change::CreateTable(table) => {
                    touched.insert(fold(&table.name));
                }
                Change::AlterTable(change) => {
                    let keys = |p: &Part| matches!(p, Part::AddForeignKey(_));
                    if rewritten.contains(&n) && !keeps_values(change) {
                        touched.insert(fold(&change.after.name));
                    }
                    if change.parts.iter().any(keys) || (rewritten.contains(&n) && !keeps_values(change)) {
                        own.insert(fold(&change.after.name));
                    }
                }
                _ => {}
            }
        }
        let is_child = |t: &&Arc<Table>| {
            let refers = t.foreign_keys.iter().any(|k| touched.contains(&fold(&k.parent)));
            !t.foreign_keys.is_empty() && (refers || own.contains(&fold(&t.name)))
        };
        let is_live = |t: &&Arc<Table>| {
            let change = self.change_of("table", &t.name);
            !change.is_some_and(|n| matches!(self.diff.changes[n], Change::CreateTable(_)))
        };
        let before = |name: &str| {
            let rename = self.diff.renames.tables.iter().find(|r| same_name(&r.after, name));
            rename.map_or(name, |r| &r.before).to_owned()
        };
        self.planned.foreign_key_checks = self
            .after
            .tables
            .iter()
            .filter(is_child)
            .filter(is_live)
            .map(|t| (before(&t.name), t.name.clone()))
            .collect();
    }
}

/// A part of a table's change, and the constraints that come with it where it is a new column.
fn with_own_parts(change: &TableChange, p: usize) -> Vec<usize> {
    let mut parts = vec![p];
    if let Part::AddColumn(column) = &change.parts[p] {
        parts.extend((0..change.parts.len()).filter(|q| match &change.parts[*q] {
            Part::AddCheck(check) => is_own_check(change, column, check),
            Part::AddForeignKey(key) => is_own_key(column, key),
            _ => false,
        }));
    }
    parts
}

fn part_hazards(part: &Part, rows: u64) -> Vec<Hazard> {
    let may_fail = |constraint: String| vec![Hazard::MayFail { constraint, rows }];
    match part {
        Part::DropColumn(_) => vec![Hazard::Irreversible],
        Part::AddCheck(_) | Part::AddUnique(_) | Part::AddForeignKey(_) if rows > 0 => may_fail(part.describe()),
        Part::PrimaryKey { after: Some(_), .. } if rows > 0 => may_fail(part.describe()),
        Part::AlterColumn { before, after } if rows > 0 && before.not_null.is_none() && after.not_null.is_some() => {
            may_fail(format!("NOT NULL of {}", after.name))
        }
        Part::Strict(true) if rows > 0 => may_fail("STRICT".to_owned()),
        _ => Vec::new(),
    }
}

/// SQLite renames a table and the indexes it made for it, and leaves their statistics under the old names.
fn rename_statistics(statistics: &str, from: &str, to: &str) -> String {
    let prefix = |table: &str| format!("sqlite_autoindex_{table}_");
    let (old, new) = (quote_text(&prefix(from)), quote_text(&prefix(to)));
    let (from, to) = (quote_text(from), quote_text(to));
    format!(
        "UPDATE {} SET tbl = {to}, idx = CASE WHEN idx = {from} THEN {to} \
         WHEN substr(idx, 1, length({old})) = {old} THEN {new} || substr(idx, length({old}) + 1) ELSE idx END \
         WHERE tbl = {from}",
        main(statistics)
    )
}

/// Orders renames so that no name is taken when it is given; where they go round in a circle, or only the case of
/// letters changes, one goes by way of a fresh name. Returns (from, to, place of the pair).
fn rename_in_order(pairs: &[(String, String)], fresh: &mut impl FnMut() -> String) -> Vec<(String, String, usize)> {
    let mut left: Vec<(String, String, usize)> =
        pairs.iter().enumerate().map(|(n, (from, to))| (from.clone(), to.clone(), n)).collect();
    let mut steps = Vec::new();
    while !left.is_empty() {
        let free = left.iter().position(|(_, to, _)| !left.iter().any(|(from, _, _)| same_name(from, to)));
        match free {
            Some(at) => steps.push(left.remove(at)),
            None if planted::is(Planted::ThirdNameMissing) => steps.push(left.remove(0)),
            None => {
                let aside = fresh();
                steps.push((left[0].0.clone(), aside.clone(), left[0].2));
                left[0].0 = aside;
            }
        }
    }
    steps
}
