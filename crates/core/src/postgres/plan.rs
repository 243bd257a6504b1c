//! Changes → steps, for PostgreSQL.
//!
//! A pure function of two schemas, their differences and what was found out about the rows. The order: values that
//! enums gain, renames, what has to make way, then everything that is new or other in the order of what needs what,
//! then what is done while others read and write (indexes, checks of all rows), then what rests on that.
//!
//! **Invariant:** nothing is dropped with CASCADE. What would go with another object is dropped by a step of its own,
//! and made anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::diff::{Alteration, Change, Part, Rename};
use super::print;
use super::schema::{
    Body, Column, Constraint, Demands, Domain, Index, Kind, Object, ObjectId, Schema, Sequence, Table, View,
};
use super::steps::{Lock, Statement, Step};
use super::token::{quote_literal, quote_name};
use crate::error::{Code, Error};
use crate::plan::{Hazard, Strategy};

/// What is known of a table's rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// How many there are, as PostgreSQL estimates it.
    pub rows: u64,
    /// The bytes of the table with its indexes.
    pub bytes: u64,
    /// Whether it certainly has none.
    pub empty: bool,
}

/// What was found out before the steps are made.
#[derive(Debug, Default)]
pub struct Findings {
    /// Tables, under their new names.
    pub tables: HashMap<ObjectId, Facts>,
    /// Rows that lose something, by table and column; without a column, those of the whole table.
    pub lost: HashMap<(ObjectId, Option<String>), u64>,
    /// Rows that are NULL in a column that is to be NOT NULL, and how they get a value.
    pub without_value: HashMap<(ObjectId, String), u64>,
    /// Columns whose values were found to be the same as those of another type.
    pub kept: BTreeSet<(ObjectId, String)>,
    /// Rows whose value another type cannot hold as it is, by table and column.
    pub altered: HashMap<(ObjectId, String), u64>,
    /// Values for such rows, by table and column.
    pub backfills: HashMap<(ObjectId, String), String>,
    /// New constraints and unique indexes of which it is known that the rows fit. The others are checked in the
    /// transaction that makes them: where rows do not fit, nothing has changed.
    pub fitting: BTreeSet<ObjectId>,
}

/// What the planner is given.
pub struct Input<'a> {
    /// The schema under its new names.
    pub renamed: &'a Schema,
    /// The schema as it is to be.
    pub target: &'a Schema,
    /// The renames, in the order in which they are done.
    pub renames: &'a [(Rename, Vec<String>)],
    /// The differences.
    pub changes: &'a [Change],
    /// What is known of the rows.
    pub findings: &'a Findings,
    /// Whether nobody uses the database: then all is done in the shortest way.
    pub fast: bool,
}

/// The steps, and what cannot be planned.
pub fn plan(input: &Input<'_>) -> (Vec<Step>, Vec<Error>) {
    let mut planner = Planner { input, ..Planner::of(input) };
    planner.find_broken();
    planner.renames();
    planner.drops();
    planner.bodies();
    let mut steps = Vec::new();
    // A new label cannot be used in the transaction that makes it.
    let later: String = [&planner.drops, &planner.body, &planner.online, &planner.finish]
        .iter()
        .flat_map(|bucket| bucket.iter())
        .flat_map(|step| &step.statements)
        .map(|statement| format!("{}\n", statement.sql()))
        .collect();
    for (step, label) in planner.values {
        let alone = later.contains(&quote_literal(&label));
        steps.push(Step { alone, ..step });
    }
    for step in &mut planner.online {
        step.undo.clone_from(&planner.helpers);
    }
    for bucket in [
        planner.renames,
        planner.drops,
        planner.body,
        planner.fills,
        planner.proofs,
        planner.online,
        planner.finish,
        planner.validate,
    ] {
        steps.extend(bucket);
    }
    (steps, planner.obstacles)
}

struct Planner<'a> {
    input: &'a Input<'a>,
    /// Objects that go and are made anew, with the change that makes it necessary.
    again: BTreeMap<ObjectId, usize>,
    /// Defaults that go and come back.
    defaults: BTreeMap<(ObjectId, String), usize>,
    /// Generated columns that go and come back.
    generated: BTreeMap<(ObjectId, String), usize>,
    /// Objects that can be made only behind what is done while others read and write.
    late: BTreeSet<ObjectId>,
    values: Vec<(Step, String)>,
    renames: Vec<Step>,
    drops: Vec<Step>,
    late_drops: Vec<Step>,
    body: Vec<Step>,
    body_end: Vec<Step>,
    fills: Vec<Step>,
    proofs: Vec<Step>,
    online: Vec<Step>,
    finish: Vec<Step>,
    validate: Vec<Step>,
    /// What drops the checks that are there only while rows are looked at.
    helpers: Vec<String>,
    obstacles: Vec<Error>,
}

impl<'a> Planner<'a> {
    fn of(input: &'a Input<'a>) -> Self {
        Planner {
            input,
            again: BTreeMap::new(),
            defaults: BTreeMap::new(),
            generated: BTreeMap::new(),
            late: BTreeSet::new(),
            values: Vec::new(),
            renames: Vec::new(),
            drops: Vec::new(),
            late_drops: Vec::new(),
            body: Vec::new(),
            body_end: Vec::new(),
            fills: Vec::new(),
            proofs: Vec::new(),
            online: Vec::new(),
            finish: Vec::new(),
            validate: Vec::new(),
            helpers: Vec::new(),
            obstacles: Vec::new(),
        }
    }

    fn facts(&self, table: &ObjectId) -> Facts {
        self.input.findings.tables.get(table).copied().unwrap_or_default()
    }

    /// Whether a table is there with rows in it, and others may be using it.
    fn is_live(&self, table: &ObjectId) -> bool {
        !self.input.fast && self.has_rows(table)
    }

    fn has_rows(&self, table: &ObjectId) -> bool {
        self.input.findings.tables.get(table).is_some_and(|facts| !facts.empty)
    }

    fn unsupported(&mut self, object: &ObjectId, what: impl Into<String>) {
        let error = Error::new(Code::Unsupported, format!("{object}: {}", what.into())).object(object.shown());
        self.obstacles.push(error.help("do this part by hand, and run whimbrel again: it goes on from there"));
    }

    fn step(&self, change: usize, object: &ObjectId, title: impl Into<String>, statements: Vec<String>) -> Step {
        Step {
            change,
            object: object.shown(),
            title: title.into(),
            strategy: Strategy::InPlace,
            statements: statements.into_iter().map(Statement::Execute).collect(),
            ..Step::default()
        }
    }

    /// What was counted before is asked once more when nobody else can write any more.
    fn guard(&self, step: &mut Step, table: &ObjectId, check: String, failure: &str) {
        if !self.has_rows(table) && !self.input.findings.tables.contains_key(table) {
            return;
        }
        let settings =
            "SET LOCAL row_security = off; SET LOCAL extra_float_digits = 1; SET LOCAL DateStyle = 'ISO, YMD'";
        let mut first: Vec<Statement> = settings.split("; ").map(|sql| Statement::Execute(sql.to_owned())).collect();
        first.push(Statement::Execute(format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", table.sql())));
        first.push(Statement::Check { sql: check, failure: failure.to_owned() });
        step.statements.splice(0..0, first);
    }

    fn locking(&self, lock: Lock, table: &ObjectId, step: Step) -> Step {
        let facts = self.facts(table);
        let there = self.input.findings.tables.contains_key(table);
        Step { lock: there.then(|| (lock, table.clone())), rows: facts.rows, bytes: facts.bytes, ..step }
    }

    /// The lock on a table that is there, taken by a step that works on one that is not.
    fn locking_other(&self, lock: Lock, other: Option<&ObjectId>, step: Step) -> Step {
        let there = other.filter(|_| step.lock.is_none()).filter(|id| self.input.findings.tables.contains_key(id));
        Step { lock: there.map(|id| (lock, id.clone())).or_else(|| step.lock.clone()), ..step }
    }

    /// Which objects must be made anew because what they need goes, or becomes another.
    fn find_broken(&mut self) {
        let renamed = self.input.renamed;
        let mut needed_by: HashMap<&ObjectId, Vec<(&Object, &super::schema::Need)>> = HashMap::new();
        for object in renamed.objects.values() {
            for need in &object.needs {
                needed_by.entry(&need.on).or_default().push((object, need));
            }
        }
        let dropped: BTreeSet<&ObjectId> = self.input.changes.iter().filter_map(Change::dropped).collect();
        let mut broken: Vec<(ObjectId, Option<String>, usize)> = Vec::new();
        for (at, change) in self.input.changes.iter().enumerate() {
            match change {
                Change::Create(_) => {}
                Change::Drop(object) => broken.push((object.id.clone(), None, at)),
                Change::Alter(alteration) => {
                    if is_made_anew(alteration) {
                        self.again.insert(alteration.after.id.clone(), at);
                        broken.push((alteration.after.id.clone(), None, at));
                    }
                    for part in &alteration.parts {
                        let column = match part {
                            Part::DropColumn(column) => &column.name,
                            Part::AlterColumn { before, after } if changes_type(before, after) => &after.name,
                            Part::RemakeEnum { .. } => {
                                broken.push((alteration.after.id.clone(), None, at));
                                continue;
                            }
                            _ => continue,
                        };
                        broken.push((alteration.after.id.clone(), Some(column.clone()), at));
                    }
                }
            }
        }
        while let Some((id, column, cause)) = broken.pop() {
            for (object, need) in needed_by.get(&id).into_iter().flatten() {
                if column.is_some() && need.column != column {
                    continue;
                }
                let survives = !dropped.contains(&object.id);
                match (object.id.kind, &need.of) {
                    (Kind::Table, Some(of)) => self.break_column(object, of, &id, cause, &mut broken),
                    (Kind::Table | Kind::Sequence | Kind::Domain | Kind::Composite | Kind::Enum | Kind::Range, _) => {}
                    // PostgreSQL carries these over to the new type by itself; with a column that goes they are gone
                    // from the target too.
                    (Kind::Constraint | Kind::Index | Kind::Statistics, _) if column.is_some() => {}
                    (Kind::Namespace | Kind::Extension | Kind::Other, _) => {}
                    _ => {
                        if survives
                            && self.input.target.get(&object.id).is_some()
                            && !self.again.contains_key(&object.id)
                        {
                            self.again.insert(object.id.clone(), cause);
                            broken.push((object.id.clone(), None, cause));
                        }
                    }
                }
            }
        }
    }

    /// A column whose default, type or expression needs what goes.
    fn break_column(
        &mut self,
        table: &Object,
        column: &str,
        on: &ObjectId,
        cause: usize,
        broken: &mut Vec<(ObjectId, Option<String>, usize)>,
    ) {
        let key = (table.id.clone(), column.to_owned());
        let (before, after) = (
            table.table().and_then(|t| t.column(column)),
            self.input.target.table(&table.id).and_then(|t| t.column(column)),
        );
        let (Some(before), Some(after)) = (before, after) else { return };
        if before.generated.is_some() {
            let changes_itself = before.generated != after.generated;
            if !changes_itself && self.generated.insert(key.clone(), cause).is_none() {
                broken.push((table.id.clone(), Some(column.to_owned()), cause));
            }
            return;
        }
        let is_type = matches!(on.kind, Kind::Enum | Kind::Composite | Kind::Domain | Kind::Range);
        if is_type {
            if self.input.target.get(on).is_some() {
                // The column goes over to the type that is made anew, and what reads it has to make way.
                broken.push((table.id.clone(), Some(column.to_owned()), cause));
            }
        } else if before.default.is_some() && after.default == before.default {
            self.defaults.insert(key, cause);
        }
    }

    fn renames(&mut self) {
        for (rename, statements) in self.input.renames {
            let (id, title) = match rename {
                Rename::Object { before, after } => (after.clone(), format!("rename from {}", before.shown())),
                Rename::Column { table, before, after } => {
                    (table.clone(), format!("rename column {before} to {after}"))
                }
            };
            let change = self.change_of(&id);
            let table = if id.kind.is_of_table() { id.table_id() } else { id.clone() };
            let step = self.step(change, &id, title, statements.clone());
            let step = self.locking(Lock::AccessExclusive, &table, step);
            self.renames.push(step);
        }
    }

    fn change_of(&self, id: &ObjectId) -> usize {
        let changes = self.input.changes;
        let of_table =
            || id.kind.is_of_table().then(|| changes.iter().position(|c| *c.id() == id.table_id())).flatten();
        changes.iter().position(|c| c.id() == id).or_else(of_table).unwrap_or(0)
    }

    fn drops(&mut self) {
        let renamed = self.input.renamed;
        let dropped: BTreeMap<ObjectId, usize> = self
            .input
            .changes
            .iter()
            .enumerate()
            .filter_map(|(at, change)| Some((change.dropped()?.clone(), at)))
            .collect();
        for ((table, column), change) in self.defaults.clone() {
            let sql = format!("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT", table.sql(), quote_name(&column));
            let step = self.step(change, &table, format!("drop default of {column}, to be set anew"), vec![sql]);
            let step = self.locking(Lock::AccessExclusive, &table, step);
            self.drops.push(step);
        }
        self.make_way_for_identities(&dropped);
        let again: Vec<ObjectId> = self.again.keys().cloned().collect();
        let going: BTreeSet<&ObjectId> = dropped.keys().chain(&again).filter(|id| renamed.get(id).is_some()).collect();
        let mut order = print::in_order(renamed, &going, &BTreeSet::new());
        order.reverse();
        // Keys between tables that all go would hold each other.
        order.sort_by_key(|id| match renamed.get(id).map(|object| &object.body) {
            Some(Body::Constraint(c)) if c.demands == Demands::ForeignKey => 0,
            _ => 1,
        });
        for id in order {
            let Some(object) = renamed.get(id) else { continue };
            let gone_with = object.on_table().filter(|table| dropped.contains_key(table));
            let is_key = matches!(&object.body, Body::Constraint(c) if c.demands == Demands::ForeignKey);
            let to_gone = matches!(&object.body, Body::Constraint(c)
                if c.references.as_ref().is_some_and(|table| dropped.contains_key(table)));
            // A key that is made anew cannot go while another table refers to it.
            let to_key = object.needs.iter().any(|need| {
                need.on.kind == Kind::Constraint
                    && (dropped.contains_key(&need.on) || self.again.contains_key(&need.on))
            });
            if gone_with.is_some() && !(is_key && (to_gone || to_key)) {
                continue;
            }
            if is_swapped(self, object) {
                continue;
            }
            if let Some((column, value)) = self.unfilled(object) {
                let (table, change) = (id.table_id(), dropped.get(id).copied().unwrap_or_default());
                let rows = self.facts(&table).rows;
                self.backfill(&table, &column, &value, rows, change, None);
                self.drop_mark(&table, &id.name, &column, change);
                continue;
            }
            let goes_for_good = dropped.get(id);
            let change = goes_for_good.or(self.again.get(id)).copied().unwrap_or_default();
            let owned = matches!(&object.body, Body::Sequence(Sequence { owned_by: Some((table, column)), .. })
                if dropped.contains_key(table) || self.column_goes(table, column));
            if owned {
                continue;
            }
            let later = goes_for_good.is_some() && self.is_needed_until_later(id, &dropped);
            let object = &if later { self.step_aside(object, change) } else { object.clone() };
            let title = match goes_for_good {
                Some(_) => format!("drop {}", id.kind.as_str()),
                None => "drop, to be made anew".to_owned(),
            };
            let mut step = self.step(change, id, title, vec![print::drop(object)]);
            step.strategy = if goes_for_good.is_some() { Strategy::Drop } else { Strategy::Recreate };
            if id.kind == Kind::Table {
                let rows = self.input.findings.lost.get(&(id.clone(), None)).copied().unwrap_or_default();
                if rows > 0 {
                    step.hazards.push(Hazard::DataLoss { what: format!("table {}", id.shown()), rows });
                } else {
                    let check = format!("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 1) r", id.sql());
                    self.guard(&mut step, id, check, "rows came into the table that is dropped");
                }
                step.hazards.push(Hazard::Irreversible);
            }
            let locked = object.on_table().unwrap_or_else(|| id.clone());
            let step = self.locking(Lock::AccessExclusive, &locked, step);
            if later { self.late_drops.push(step) } else { self.drops.push(step) }
        }
    }

    fn column_goes(&self, table: &ObjectId, column: &str) -> bool {
        self.input.target.table(table).is_some_and(|table| table.column(column).is_none())
    }

    /// Whether a table that inherits a column keeps it when its parent's goes.
    fn child_keeps(&self, parent: &ObjectId, column: &str) -> bool {
        let mut children = self.input.renamed.tables().filter(|(_, table)| table.inherits.contains(parent));
        children.any(|(id, _)| self.input.target.table(id).is_some_and(|table| table.column(column).is_some()))
    }

    /// Whether something that stays needs an object until it has been changed itself: a column its type, its default
    /// or the parent of its table.
    fn is_needed_until_later(&self, id: &ObjectId, dropped: &BTreeMap<ObjectId, usize>) -> bool {
        if matches!(id.kind, Kind::Namespace | Kind::Extension) {
            return true;
        }
        let movable = matches!(
            id.kind,
            Kind::Collation
                | Kind::Enum
                | Kind::Composite
                | Kind::Range
                | Kind::Domain
                | Kind::Sequence
                | Kind::Routine
                | Kind::Aggregate
                | Kind::Table
        );
        let stays = |object: &&Object| !dropped.contains_key(&object.id) && !self.again.contains_key(&object.id);
        let needs = |object: &Object| object.id != *id && object.needs.iter().any(|need| need.on == *id);
        let owned = self.input.renamed.get(id).is_some_and(|object| {
            matches!(&object.body, Body::Sequence(Sequence { owned_by: Some((table, _)), .. }) if !dropped.contains_key(table))
        });
        movable && (owned || self.input.renamed.objects.values().filter(stays).any(needs))
    }

    /// A name that another object takes at once, while this one goes only later: it steps aside.
    fn step_aside(&mut self, object: &Object, change: usize) -> Object {
        let id = &object.id;
        let is_type = |kind: Kind| {
            matches!(
                kind,
                Kind::Enum
                    | Kind::Composite
                    | Kind::Range
                    | Kind::Domain
                    | Kind::Table
                    | Kind::View
                    | Kind::MaterializedView
            )
        };
        let is_relation = |kind: Kind| {
            matches!(kind, Kind::Table | Kind::View | Kind::MaterializedView | Kind::Sequence | Kind::Index)
        };
        let same_space = |kind: Kind| {
            kind == id.kind || (is_type(kind) && is_type(id.kind)) || (is_relation(kind) && is_relation(id.kind))
        };
        let target = self.input.target;
        let by_object = target.objects.keys().any(|other| {
            other.schema == id.schema
                && other.name == id.name
                && other.arguments == id.arguments
                && same_space(other.kind)
        });
        let by_identity = id.kind == Kind::Sequence
            && target.tables().any(|(table, body)| {
                let mut identities = body.columns.iter().filter_map(|column| column.identity.as_ref());
                table.schema == id.schema && identities.any(|identity| identity.sequence == id.name)
            });
        if !by_object && !by_identity {
            return object.clone();
        }
        let aside = Object { id: ObjectId { name: aside_name(&id.name), ..id.clone() }, ..object.clone() };
        let sql = format!("ALTER {} RENAME TO {}", print::named(object), quote_name(&aside.id.name));
        let step = self.step(change, id, "step aside for what takes its name", vec![sql]);
        self.drops.push(step);
        aside
    }

    /// A serial column becomes an identity column: its counter goes on.
    fn make_way_for_identities(&mut self, dropped: &BTreeMap<ObjectId, usize>) {
        for (at, change) in self.input.changes.iter().enumerate() {
            let Change::Alter(alteration) = change else { continue };
            for part in &alteration.parts {
                let Part::AlterColumn { before, after } = part else { continue };
                if before.identity.is_some() || after.identity.is_none() || before.default.is_none() {
                    continue;
                }
                let table = &alteration.after.id;
                let column = quote_name(&after.name);
                let sql = format!("ALTER TABLE {} ALTER COLUMN {column} DROP DEFAULT", table.sql());
                let step = self.step(at, table, format!("drop default of {}", after.name), vec![sql]);
                let step = self.locking(Lock::AccessExclusive, table, step);
                self.drops.push(step);
                let _ = dropped;
            }
        }
    }

    /// Everything that is new or other, in the order of what needs what.
    fn bodies(&mut self) {
        let target = self.input.target;
        let mut wanted: BTreeSet<&ObjectId> = BTreeSet::new();
        for change in self.input.changes {
            if let Some((id, _)) = target.objects.get_key_value(change.id()) {
                wanted.insert(id);
            }
        }
        let again: Vec<ObjectId> = self.again.keys().cloned().collect();
        wanted.extend(again.iter().filter_map(|id| target.objects.get_key_value(id)).map(|(id, _)| id));
        let touched: Vec<ObjectId> = self.generated.keys().map(|(table, _)| table.clone()).collect();
        wanted.extend(touched.iter().filter_map(|id| target.objects.get_key_value(id)).map(|(id, _)| id));
        let created: BTreeSet<&ObjectId> =
            self.input.changes.iter().filter(|change| matches!(change, Change::Create(_))).map(Change::id).collect();
        let mut afterwards = Vec::new();
        for id in print::in_order(target, &wanted, &created) {
            let object = &target.objects[id];
            if object.needs.iter().any(|need| self.late.contains(&need.on)) {
                self.late.insert(id.clone());
            }
            let change = self.change_of(id);
            if let Some(cause) = self.again.get(id).copied() {
                let altered = self.input.changes.iter().any(|change| change.id() == id);
                self.make(object, if altered { change } else { cause }, true);
            } else if created.contains(id) {
                // A constraint of a new table comes with it.
                let with_table = print::is_inlined(target, object) && created.contains(&id.table_id());
                if !with_table {
                    self.make(object, change, false);
                }
                let mut sql = print::afterwards(target, object);
                sql.extend(self.counter_from_rows(object));
                if !sql.is_empty() {
                    let step = self.step(change, id, "settings that need other objects", sql);
                    afterwards.push(step);
                }
            } else if let Some(Change::Alter(alteration)) = self.input.changes.iter().find(|c| c.id() == id) {
                self.alter(alteration, change);
            }
            self.generated_again(id);
        }
        for ((table, column), change) in self.defaults.clone() {
            let Some(default) = target.table(&table).and_then(|t| t.column(&column)?.default.clone()) else { continue };
            let sql = format!("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {default}", table.sql(), quote_name(&column));
            let step = self.step(change, &table, format!("set default of {column} anew"), vec![sql]);
            self.body.push(self.locking(Lock::AccessExclusive, &table, step));
        }
        self.body.extend(afterwards);
        let end = std::mem::take(&mut self.body_end);
        self.body.extend(end);
        let drops = std::mem::take(&mut self.late_drops);
        self.body.extend(drops);
    }

    /// A column that is there begins to count: numbers that are in use are not given out again.
    fn counter_from_rows(&self, object: &Object) -> Option<String> {
        let Body::Sequence(Sequence { owned_by: Some((table, column)), numbers, .. }) = &object.body else {
            return None;
        };
        let before = self.input.renamed.table(table)?.column(column)?;
        if !self.has_rows(table) || !is_integer(&before.data_type) {
            return None;
        }
        let (name, quoted) = (table.sql(), quote_name(column));
        Some(format!(
            "SELECT pg_catalog.setval({}, m.top) FROM (SELECT max({quoted}) AS top FROM {name}) m WHERE m.top >= {}",
            quote_literal(&object.id.sql()),
            numbers.min
        ))
    }

    fn generated_again(&mut self, table: &ObjectId) {
        let columns: Vec<(String, usize)> =
            self.generated.iter().filter(|((id, _), _)| id == table).map(|((_, c), at)| (c.clone(), *at)).collect();
        for (name, change) in columns {
            let Some(column) = self.input.target.table(table).and_then(|t| t.column(&name)) else { continue };
            let rows = self.facts(table).rows;
            // Before the columns that it is made of change.
            let sql = format!("ALTER TABLE {} DROP COLUMN {}", table.sql(), quote_name(&name));
            let step = self.step(change, table, format!("drop generated column {name}, to be made anew"), vec![sql]);
            let drop = self.locking(Lock::AccessExclusive, table, step);
            self.drops.push(drop);
            let sql = format!("ALTER TABLE {} ADD COLUMN {}", table.sql(), print::column(column, &table.schema));
            let mut step = self.step(change, table, format!("add generated column {name}"), vec![sql]);
            step.hazards.push(Hazard::Rewrite { rows });
            let add = self.locking(Lock::AccessExclusive, table, step);
            self.body.push(add);
        }
    }

    fn push(&mut self, id: &ObjectId, step: Step) {
        if self.late.contains(id) { self.finish.push(step) } else { self.body.push(step) }
    }

    /// Makes an object that is not there.
    fn make(&mut self, object: &Object, change: usize, again: bool) {
        let id = &object.id;
        let strategy = if again { Strategy::Recreate } else { Strategy::Create };
        let title = format!("{} {}", if again { "make anew" } else { "create" }, id.kind.as_str());
        let rights = self.input.renamed.get(id).filter(|_| again).map(|old| old.rights.clone()).unwrap_or_default();
        let plain = |planner: &Self| {
            let sql = print::create(planner.input.target, object).into_iter().chain(rights.clone()).collect();
            Step { strategy, ..planner.step(change, id, title.clone(), sql) }
        };
        match &object.body {
            Body::Other { kind } => {
                let kind = kind.clone();
                self.unsupported(id, format!("{kind} is declared, and cannot be made by whimbrel"));
            }
            Body::Constraint(constraint) => self.make_constraint(object, constraint, change, strategy),
            Body::Index(index) => self.make_index(object, index, change, strategy, again),
            Body::Trigger(_) => {
                let step = self.locking(Lock::ShareRowExclusive, &id.table_id(), plain(self));
                self.push(id, step);
            }
            Body::Policy(_) | Body::Rule(_) => {
                let step = self.locking(Lock::AccessExclusive, &id.table_id(), plain(self));
                self.push(id, step);
            }
            Body::Table(table) => {
                let parent = table.partition_of.as_ref().map(|(parent, _)| parent);
                let step = self.locking_other(Lock::AccessExclusive, parent, plain(self));
                self.push(id, step);
            }
            _ => {
                let step = plain(self);
                self.push(id, step);
            }
        }
    }

    fn make_constraint(&mut self, object: &Object, constraint: &Constraint, change: usize, strategy: Strategy) {
        let id = &object.id;
        let table = id.table_id();
        let partitioned = self.input.target.table(&table).is_some_and(|t| t.partition_by.is_some());
        // A key to a partitioned table has a part for each partition, which VALIDATE leaves out.
        let to_partitioned = constraint
            .references
            .as_ref()
            .and_then(|parent| self.input.target.table(parent))
            .is_some_and(|parent| parent.partition_by.is_some());
        let rows = self.facts(&table).rows;
        let title = format!("add constraint {}", id.name);
        let comment = print::comment(object);
        let direct = |planner: &Self, not_valid: bool| {
            let sql = vec![print::add_constraint(id, constraint, not_valid)];
            let sql = sql.into_iter().chain(comment.clone()).collect();
            Step { strategy, ..planner.step(change, id, title.clone(), sql) }
        };
        match constraint.demands {
            Demands::Check | Demands::ForeignKey
                if constraint.valid
                    && self.is_live(&table)
                    && self.input.findings.fitting.contains(id)
                    && !(constraint.demands == Demands::ForeignKey && (partitioned || to_partitioned)) =>
            {
                let lock = match constraint.demands {
                    Demands::ForeignKey => Lock::ShareRowExclusive,
                    _ => Lock::AccessExclusive,
                };
                let step = self.locking(lock, &table, direct(self, true));
                self.push(id, step);
                self.check_all_rows(id, change, rows);
            }
            Demands::PrimaryKey | Demands::Unique
                if self.is_live(&table) && !partitioned && self.input.findings.fitting.contains(id) =>
            {
                let Some((index, using)) = index_for(id, constraint) else {
                    let step = self.locking(Lock::AccessExclusive, &table, direct(self, false));
                    self.push(id, step);
                    return;
                };
                self.late.insert(id.clone());
                self.build_index(id, change, &table, index);
                let sql = format!("ALTER TABLE {} ADD CONSTRAINT {} {using}", table.sql(), quote_name(&id.name));
                let sql = vec![sql].into_iter().chain(comment).collect();
                let step = Step { strategy, ..self.step(change, id, format!("{title} using its index"), sql) };
                let step = self.locking(Lock::AccessExclusive, &table, step);
                self.finish.push(step);
            }
            _ => {
                let mut step = direct(self, !constraint.valid);
                let lock = match constraint.demands {
                    Demands::ForeignKey => Lock::ShareRowExclusive,
                    _ => Lock::AccessExclusive,
                };
                if self.has_rows(&table) {
                    step.hazards.push(Hazard::MayFail { constraint: format!("constraint {}", id.name), rows });
                }
                let step = self.locking(lock, &table, step);
                let step = self.locking_other(Lock::ShareRowExclusive, constraint.references.as_ref(), step);
                self.push(id, step);
            }
        }
    }

    fn check_all_rows(&mut self, id: &ObjectId, change: usize, rows: u64) {
        let table = id.table_id();
        let sql = format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", table.sql(), quote_name(&id.name));
        let mut step = self.step(change, id, format!("check all rows against {}", id.name), vec![sql]);
        step.hazards.push(Hazard::MayFail { constraint: format!("constraint {}", id.name), rows });
        step.alone = true;
        if self.input.renamed.get(id).is_none() {
            step.undo.push(format!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", table.sql(), quote_name(&id.name)));
        }
        let step = self.locking(Lock::ShareUpdateExclusive, &table, step);
        self.validate.push(step);
    }

    /// Builds an index while others write.
    fn build_index(&mut self, id: &ObjectId, change: usize, table: &ObjectId, plain: String) {
        let sql = plain.replacen("INDEX ", "INDEX CONCURRENTLY ", 1);
        let mut step = self.step(change, id, "build index while others write", Vec::new());
        step.statements.push(Statement::Outside { sql, plain });
        step.strategy = Strategy::Create;
        step.alone = true;
        let step = self.locking(Lock::ShareUpdateExclusive, table, step);
        self.online.push(step);
    }

    fn make_index(&mut self, object: &Object, index: &Index, change: usize, strategy: Strategy, again: bool) {
        let id = &object.id;
        let fits = !index.unique || self.input.findings.fitting.contains(id);
        let concurrently = self.is_live(&index.table) && !index.partitioned && fits;
        if !concurrently {
            let sql = print::create(self.input.target, object);
            let step = Step { strategy, ..self.step(change, id, "create index", sql) };
            let step = self.locking(Lock::Share, &index.table, step);
            self.push(id, step);
            return;
        }
        let settings: Vec<String> =
            print::index_statistics(id, index).into_iter().chain(print::comment(object)).collect();
        self.late.insert(id.clone());
        let old = self.input.renamed.get(id).filter(|_| again && is_swapped(self, object));
        if let Some(old) = old {
            // The old one serves until the new one is there.
            let temporary = ObjectId { name: temporary_name(&id.name), ..id.clone() };
            let plain = print::create_index(index, false).replacen(
                &format!("INDEX {} ON", quote_name(&id.name)),
                &format!("INDEX {} ON", quote_name(&temporary.name)),
                1,
            );
            self.build_index(id, change, &index.table, plain);
            let mut sql =
                vec![print::drop(old), format!("ALTER INDEX {} RENAME TO {}", temporary.sql(), quote_name(&id.name))];
            sql.extend(settings);
            let step = Step { strategy, ..self.step(change, id, "put the new index in the old one's place", sql) };
            let step = self.locking(Lock::AccessExclusive, &index.table, step);
            self.finish.push(step);
            return;
        }
        self.build_index(id, change, &index.table, print::create_index(index, false));
        if !settings.is_empty() {
            let step = self.step(change, id, "settings of the index", settings);
            self.finish.push(step);
        }
    }

    fn alter(&mut self, alteration: &Alteration, change: usize) {
        let id = &alteration.after.id;
        if alteration.parts.contains(&Part::Comment) {
            let sql = print::set_comment(&alteration.after, alteration.after.comment.as_ref());
            let step = self.step(change, id, "comment", vec![sql]);
            self.finish.push(step);
        }
        match (&alteration.before.body, &alteration.after.body) {
            (Body::Table(before), Body::Table(after)) => self.alter_table(alteration, before, after, change),
            (Body::Enum(_), Body::Enum(labels)) => self.alter_enum(alteration, labels, change),
            (Body::Sequence(before), Body::Sequence(after)) => self.alter_sequence(id, before, after, change),
            (Body::Domain(before), Body::Domain(after)) => self.alter_domain(id, before, after, change),
            (Body::Constraint(_), Body::Constraint(_)) if alteration.parts.contains(&Part::Validate) => {
                let rows = self.facts(&id.table_id()).rows;
                self.check_all_rows(id, change, rows);
            }
            (Body::Index(_), Body::Index(index)) => {
                let sql = print::index_statistics(id, index);
                if !sql.is_empty() {
                    let step = self.step(change, id, "settings of the index", sql);
                    self.finish.push(step);
                }
            }
            (Body::View(before), Body::View(after)) => self.alter_view(id, before, after, change),
            (Body::Trigger(before), Body::Trigger(after)) if before.enabled != after.enabled => {
                let sql = print::enable(id, "TRIGGER", after.enabled);
                let step = self.step(change, id, "enable or disable trigger", vec![sql]);
                let step = self.locking(Lock::ShareRowExclusive, &id.table_id(), step);
                self.push(id, step);
            }
            (Body::Rule(before), Body::Rule(after)) if before.enabled != after.enabled => {
                let sql = print::enable(id, "RULE", after.enabled);
                let step = self.step(change, id, "enable or disable rule", vec![sql]);
                let step = self.locking(Lock::AccessExclusive, &id.table_id(), step);
                self.push(id, step);
            }
            (Body::Extension { .. }, Body::Extension { schema }) => {
                let sql = format!("ALTER EXTENSION {} SET SCHEMA {}", id.sql(), quote_name(schema));
                let step = self.step(change, id, "move to another schema", vec![sql]);
                self.push(id, step);
            }
            (Body::Routine(_), Body::Routine(after)) => {
                let step = self.step(change, id, "replace function", vec![after.definition.clone()]);
                self.push(id, step);
            }
            (Body::Composite(before), Body::Composite(after)) => {
                let mut sql = Vec::new();
                let name = id.sql();
                for old in before.iter().filter(|old| !after.iter().any(|new| new.name == old.name)) {
                    sql.push(format!("ALTER TYPE {name} DROP ATTRIBUTE {}", quote_name(&old.name)));
                }
                for new in after {
                    let attribute = format!("{} {}", quote_name(&new.name), new.data_type);
                    match before.iter().find(|old| old.name == new.name) {
                        None => sql.push(format!("ALTER TYPE {name} ADD ATTRIBUTE {attribute}")),
                        Some(old) if old != new => sql.push(format!(
                            "ALTER TYPE {name} ALTER ATTRIBUTE {} TYPE {}",
                            quote_name(&new.name),
                            new.data_type
                        )),
                        Some(_) => {}
                    }
                }
                if !sql.is_empty() {
                    let mut step = self.step(change, id, "change attributes", sql);
                    for old in before.iter().filter(|old| !after.iter().any(|new| new.name == old.name)) {
                        let lost = self.input.findings.lost.get(&(id.clone(), Some(old.name.clone()))).copied();
                        if let Some(rows) = lost.filter(|rows| *rows > 0) {
                            let what = format!("attribute {}.{}", id.shown(), old.name);
                            step.hazards.push(Hazard::DataLoss { what, rows });
                        }
                    }
                    self.push(id, step);
                }
            }
            _ => {}
        }
    }

    fn alter_view(&mut self, id: &ObjectId, before: &View, after: &View, change: usize) {
        let mut sql = Vec::new();
        if before.query != after.query || before.columns != after.columns {
            print::create_view(id, after, true, &mut sql);
        } else {
            let what = if after.materialized { "MATERIALIZED VIEW" } else { "VIEW" };
            let (gone, new) = print::changed_options(&before.options, &after.options);
            if !gone.is_empty() {
                sql.push(format!("ALTER {what} {} RESET ({})", id.sql(), gone.join(", ")));
            }
            if !new.is_empty() {
                sql.push(format!("ALTER {what} {} SET ({})", id.sql(), print::options(&new)));
            }
            for (column, default) in after.defaults.iter().filter(|d| !before.defaults.contains(d)) {
                sql.push(format!("ALTER VIEW {} ALTER COLUMN {} SET DEFAULT {default}", id.sql(), quote_name(column)));
            }
            for (column, text) in after.comments.iter().filter(|c| !before.comments.contains(c)) {
                sql.push(print::column_comment(&id.sql(), column, Some(text)));
            }
        }
        for (column, _) in before.defaults.iter().filter(|(c, _)| !after.defaults.iter().any(|(a, _)| a == c)) {
            sql.push(format!("ALTER VIEW {} ALTER COLUMN {} DROP DEFAULT", id.sql(), quote_name(column)));
        }
        for (column, _) in before.comments.iter().filter(|(c, _)| !after.comments.iter().any(|(a, _)| a == c)) {
            sql.push(print::column_comment(&id.sql(), column, None));
        }
        if !sql.is_empty() {
            let step = self.step(change, id, "replace view", sql);
            self.push(id, step);
        }
    }

    fn alter_sequence(&mut self, id: &ObjectId, before: &Sequence, after: &Sequence, change: usize) {
        let mut sql = Vec::new();
        if before.numbers != after.numbers {
            sql.push(format!("ALTER SEQUENCE {} {}", id.sql(), print::numbers(&after.numbers)));
        }
        if before.unlogged != after.unlogged {
            let set = if after.unlogged { "UNLOGGED" } else { "LOGGED" };
            sql.push(format!("ALTER SEQUENCE {} SET {set}", id.sql()));
        }
        if !sql.is_empty() {
            let step = self.step(change, id, "change sequence", sql);
            self.push(id, step);
        }
        if before.owned_by != after.owned_by {
            if before.owned_by.is_some() {
                // It would go with its old column.
                let step = self.step(change, id, "the sequence goes with no column", vec![print::owned_by(id, None)]);
                self.drops.insert(0, step);
            }
            if let Some((table, column)) = &after.owned_by {
                let sql = vec![print::owned_by(id, Some((table, column)))];
                let step = self.step(change, id, "the sequence goes with another column", sql);
                self.body_end.push(step);
            }
        }
    }

    fn alter_domain(&mut self, id: &ObjectId, before: &Domain, after: &Domain, change: usize) {
        if before.data_type != after.data_type || before.collation != after.collation {
            self.unsupported(
                id,
                format!("a domain cannot become another type ({} → {})", before.data_type, after.data_type),
            );
            return;
        }
        let name = id.sql();
        let mut sql = Vec::new();
        if before.default != after.default {
            let action = after.default.as_ref().map_or("DROP DEFAULT".to_owned(), |d| format!("SET DEFAULT {d}"));
            sql.push(format!("ALTER DOMAIN {name} {action}"));
        }
        for check in before.checks.iter().filter(|check| !after.checks.contains(check)) {
            sql.push(format!("ALTER DOMAIN {name} DROP CONSTRAINT {}", quote_name(&check.name)));
        }
        if before.not_null != after.not_null {
            sql.push(format!("ALTER DOMAIN {name} {} NOT NULL", if after.not_null { "SET" } else { "DROP" }));
        }
        for check in after.checks.iter().filter(|check| !before.checks.contains(check)) {
            sql.push(format!("ALTER DOMAIN {name} ADD CONSTRAINT {} {}", quote_name(&check.name), check.definition));
        }
        if !sql.is_empty() {
            let step = self.step(change, id, "change domain", sql);
            self.push(id, step);
        }
    }

    fn alter_enum(&mut self, alteration: &Alteration, labels: &[String], change: usize) {
        let id = &alteration.after.id;
        let name = id.sql();
        // New labels come before labels get other names.
        let old_name = |label: &String| {
            let found = alteration.parts.iter().find_map(|part| match part {
                Part::RenameValue { before, after } if after == label => Some(before.clone()),
                _ => None,
            });
            found.unwrap_or_else(|| label.clone())
        };
        for (at, part) in alteration.parts.iter().enumerate() {
            match part {
                Part::AddValue { label, before } => {
                    let place = before.as_ref().map(&old_name);
                    let place = place.as_ref().map(|b| format!(" BEFORE {}", quote_literal(b))).unwrap_or_default();
                    let sql = format!("ALTER TYPE {name} ADD VALUE IF NOT EXISTS {}{place}", quote_literal(label));
                    let mut step = self.step(change, id, format!("add value '{label}'"), vec![sql]);
                    step.parts = vec![at];
                    self.values.push((step, label.clone()));
                }
                Part::RenameValue { before, after } => {
                    let sql =
                        format!("ALTER TYPE {name} RENAME VALUE {} TO {}", quote_literal(before), quote_literal(after));
                    let mut step = self.step(change, id, format!("rename value '{before}'"), vec![sql]);
                    step.parts = vec![at];
                    self.renames.push(step);
                }
                Part::RemakeEnum { gone } => self.remake_enum(id, labels, gone, change, at),
                _ => {}
            }
        }
    }

    fn remake_enum(
        &mut self,
        id: &ObjectId,
        labels: &[String],
        gone: &[(String, Option<String>)],
        change: usize,
        part: usize,
    ) {
        let temporary = ObjectId { name: temporary_name(&id.name), ..id.clone() };
        let plain = id.sql();
        let mut sql = vec![print::create_enum(&temporary.sql(), labels)];
        let mut rows = 0;
        let mut tables = Vec::new();
        for (table_id, table) in self.input.renamed.tables() {
            // Partitions and children follow their parents.
            if table.partition_of.is_some() {
                continue;
            }
            let mut actions = Vec::new();
            for column in table.columns.iter().filter(|c| c.local && c.generated.is_none()) {
                let is_array = column.data_type == format!("{plain}[]");
                let target = self.input.target.table(table_id).and_then(|t| t.column(&column.name));
                let stays = target.is_some_and(|t| t.data_type == column.data_type);
                if !(column.data_type == plain || is_array) || !stays {
                    continue;
                }
                let name = quote_name(&column.name);
                if column.default.is_some() {
                    actions.push(format!("ALTER COLUMN {name} DROP DEFAULT"));
                }
                let mapped: Vec<String> = gone
                    .iter()
                    .filter_map(|(from, to)| {
                        Some(format!(" WHEN {} THEN {}", quote_literal(from), quote_literal(to.as_ref()?)))
                    })
                    .collect();
                let (new, using) = match (is_array, mapped.is_empty()) {
                    (true, false) => {
                        self.unsupported(
                            id,
                            format!("values in the array {}.{} cannot be mapped", table_id.shown(), column.name),
                        );
                        continue;
                    }
                    (true, true) => {
                        (format!("{}[]", temporary.sql()), format!("{name}::text[]::{}[]", temporary.sql()))
                    }
                    (false, true) => (temporary.sql(), format!("{name}::text::{}", temporary.sql())),
                    (false, false) => {
                        let using = format!(
                            "(CASE {name}::text{} ELSE {name}::text END)::{}",
                            mapped.concat(),
                            temporary.sql()
                        );
                        (temporary.sql(), using)
                    }
                };
                actions.push(format!("ALTER COLUMN {name} TYPE {new} USING {using}"));
                if let Some(default) = target.and_then(|t| t.default.as_ref()) {
                    let default = default.replace(&format!("::{plain}"), &format!("::{}", temporary.sql()));
                    actions.push(format!("ALTER COLUMN {name} SET DEFAULT {default}"));
                }
            }
            if !actions.is_empty() {
                sql.push(format!("ALTER TABLE {} {}", table_id.sql(), actions.join(", ")));
                rows += self.facts(table_id).rows;
                tables.push(table_id.clone());
            }
        }
        sql.push(format!("DROP TYPE {plain}"));
        sql.push(format!("ALTER TYPE {} RENAME TO {}", temporary.sql(), quote_name(&id.name)));
        sql.extend(self.input.renamed.get(id).map(|old| old.rights.clone()).unwrap_or_default());
        let mut step = self.step(change, id, "make the type anew", sql);
        step.strategy = Strategy::Rebuild;
        step.parts = vec![part];
        step.reason = Some("PostgreSQL can neither remove nor move a label of an enum".to_owned());
        if rows > 0 {
            step.hazards.push(Hazard::Rewrite { rows });
        }
        let step = match tables.first() {
            Some(table) => self.locking(Lock::AccessExclusive, table, step),
            None => step,
        };
        self.push(id, step);
    }

    fn alter_table(&mut self, alteration: &Alteration, before: &Table, after: &Table, change: usize) {
        let id = alteration.after.id.clone();
        let name = id.sql();
        let rows = self.facts(&id).rows;
        // Several changes of type write the table once.
        let mut conversions = Vec::new();
        let mut converted = Vec::new();
        for (at, part) in alteration.parts.iter().enumerate() {
            match part {
                Part::DropColumn(column) => {
                    let only = if self.child_keeps(&id, &column.name) { "ONLY " } else { "" };
                    let sql = format!("ALTER TABLE {only}{name} DROP COLUMN {}", quote_name(&column.name));
                    let mut step = self.step(change, &id, format!("drop column {}", column.name), vec![sql]);
                    step.parts = vec![at];
                    let lost = self.input.findings.lost.get(&(id.clone(), Some(column.name.clone()))).copied();
                    if let Some(rows) = lost.filter(|rows| *rows > 0) {
                        let what = format!("column {}.{}", id.shown(), column.name);
                        step.hazards.push(Hazard::DataLoss { what, rows });
                    } else if column.generated.is_none() {
                        let held = quote_name(&column.name);
                        let check =
                            format!("SELECT count(*) FROM (SELECT 1 FROM {name} WHERE {held} IS NOT NULL LIMIT 1) r");
                        self.guard(&mut step, &id, check, "values came into the column that is dropped");
                    }
                    let step = self.locking(Lock::AccessExclusive, &id, step);
                    self.body.push(step);
                }
                Part::AddColumn(column) => self.add_column(&id, column, change, at),
                Part::AlterColumn { before, after }
                    if changes_type(before, after) && before.generated.is_none() && after.generated.is_none() =>
                {
                    conversions.extend(conversion(before, after));
                    converted.push((at, before.clone(), after.clone()));
                }
                Part::Setting { what, before: from, after: to } => {
                    self.table_setting(&id, what, (from, to), (before, after), change, at);
                }
                Part::ColumnOrder => self.unsupported(
                    &id,
                    "PostgreSQL cannot move a column, and a table is not made anew for that; leave out --strict-order",
                ),
                _ => {}
            }
        }
        if !conversions.is_empty() {
            let names: Vec<&str> = converted.iter().map(|(_, _, after)| after.name.as_str()).collect();
            let sql = format!("ALTER TABLE {name} {}", conversions.join(", "));
            let mut step = self.step(change, &id, format!("change the type of {}", names.join(", ")), vec![sql]);
            step.parts = converted.iter().map(|(at, ..)| *at).collect();
            if self.has_rows(&id) && converted.iter().any(|(_, b, a)| !keeps_its_bytes(&b.data_type, &a.data_type)) {
                step.hazards.push(Hazard::Rewrite { rows });
            }
            for (_, old, column) in &converted {
                let key = (id.clone(), column.name.clone());
                if let Some(rows) = self.input.findings.altered.get(&key).copied() {
                    let what = format!("values of {}.{} that are no {}", id.shown(), column.name, column.data_type);
                    step.hazards.push(Hazard::DataLoss { what, rows });
                } else if self.input.findings.kept.contains(&key) {
                    let check = altered_rows(&name, &quote_name(&column.name), &old.data_type, &column.data_type);
                    self.guard(&mut step, &id, check, "values came that would not be the same");
                }
            }
            let step = self.locking(Lock::AccessExclusive, &id, step);
            self.body.push(step);
        }
        for (at, part) in alteration.parts.iter().enumerate() {
            if let Part::AlterColumn { before, after } = part {
                self.alter_column(&id, before, after, change, at);
            }
        }
    }

    fn add_column(&mut self, id: &ObjectId, column: &Column, change: usize, part: usize) {
        let name = id.sql();
        let quoted = quote_name(&column.name);
        let title = format!("add column {}", column.name);
        let key = (id.clone(), column.name.clone());
        let backfill = self.input.findings.backfills.get(&key).cloned();
        let is_volatile = column.default.as_deref().is_some_and(may_differ_by_row);
        let late_value = backfill.clone().or_else(|| {
            // Rows get their value afterwards, where PostgreSQL would write the whole table under a lock.
            column.default.clone().filter(|_| is_volatile && self.is_live(id))
        });
        let mut sql = Vec::new();
        let mut filled = None;
        match (&late_value, self.has_rows(id)) {
            (Some(value), true) => {
                let bare = Column { not_null: false, default: None, comment: None, ..column.clone() };
                sql.push(format!("ALTER TABLE {name} ADD COLUMN {}", print::column(&bare, &id.schema)));
                if !column.not_null && self.is_live(id) {
                    sql.push(add_mark(id, &column.name));
                }
                if let Some(default) = &column.default {
                    sql.push(format!("ALTER TABLE {name} ALTER COLUMN {quoted} SET DEFAULT {default}"));
                }
                filled = Some(value.clone());
            }
            _ => sql.push(format!("ALTER TABLE {name} ADD COLUMN {}", print::column(column, &id.schema))),
        }
        sql.extend(print::column_settings(&name, &Column::default(), column));
        sql.extend(column.comment.as_ref().map(|text| print::column_comment(&name, &column.name, Some(text))));
        let mut step = self.step(change, id, title, sql);
        step.parts = vec![part];
        let writes_all = (is_volatile && late_value.is_none())
            || column.identity.is_some()
            || column.generated.as_ref().is_some_and(|generated| generated.stored);
        if writes_all && self.has_rows(id) {
            step.hazards.push(Hazard::Rewrite { rows: self.facts(id).rows });
        }
        let step = self.locking(Lock::AccessExclusive, id, step);
        self.body.push(step);
        if let Some(value) = filled {
            let rows = self.facts(id).rows;
            self.backfill(id, &column.name, &value, rows, change, Some(part));
            if column.not_null {
                self.set_not_null(id, &column.name, change, part);
            } else if self.is_live(id) {
                self.drop_mark(id, &mark_name(&column.name), &column.name, change);
            }
        }
    }

    /// The column that an earlier run was filling in when it stopped, by the mark that it has left, and the value that it
    /// fills in.
    fn unfilled(&self, mark: &Object) -> Option<(String, String)> {
        let column = marked_column(mark)?;
        let table = mark.id.table_id();
        let after = self.input.target.table(&table)?.column(column)?;
        let value = value_left(after, self.input.findings.backfills.get(&(table, column.to_owned())))?;
        (!after.not_null).then(|| (column.to_owned(), value))
    }

    fn drop_mark(&mut self, table: &ObjectId, mark: &str, column: &str, change: usize) {
        let sql = format!("ALTER TABLE {} DROP CONSTRAINT {}", table.sql(), quote_name(mark));
        let step = self.step(change, table, format!("{column} is filled in"), vec![sql]);
        let step = self.locking(Lock::AccessExclusive, table, step);
        self.finish.push(step);
    }

    /// Gives rows that are NULL a value, some at a time.
    fn backfill(&mut self, id: &ObjectId, column: &str, value: &str, rows: u64, change: usize, part: Option<usize>) {
        let (name, quoted) = (id.sql(), quote_name(column));
        let mut step = self.step(change, id, format!("fill in {column}"), Vec::new());
        let left = format!("{quoted} IS NULL AND ({value}) IS NOT NULL");
        let sql = format!("UPDATE {name} SET {quoted} = {value} WHERE {left}");
        step.parts = part.into_iter().collect();
        step.rows = rows;
        if self.is_live(id) {
            step.alone = true;
            step.statements.push(Statement::Backfill { sql, table: id.clone(), left, rows });
            let becomes_not_null =
                self.input.target.table(id).and_then(|t| t.column(column)).is_some_and(|column| column.not_null);
            if becomes_not_null {
                // Once more when new rows without a value are refused: some may have come in between. Before that, because
                // a check that holds for new rows only is also asked when an old one is updated.
                let mut again = step.clone();
                again.title = format!("fill in {column} of rows that came meanwhile");
                if let Some(Statement::Backfill { rows, .. }) = again.statements.first_mut() {
                    *rows = 0;
                }
                self.online.push(again);
            }
            self.fills.push(step);
        } else {
            step.statements.push(Statement::Execute(sql));
            self.fills.push(step);
        }
    }

    /// NOT NULL without reading all rows under a lock: a check that is validated while others write proves it
    /// (<https://www.postgresql.org/docs/current/sql-altertable.html>, SET NOT NULL).
    fn set_not_null(&mut self, id: &ObjectId, column: &str, change: usize, part: usize) {
        let (name, quoted) = (id.sql(), quote_name(column));
        let set = format!("ALTER TABLE {name} ALTER COLUMN {quoted} SET NOT NULL");
        let rows = self.facts(id).rows;
        if !self.is_live(id) {
            let step = Step { parts: vec![part], ..self.step(change, id, format!("set {column} NOT NULL"), vec![set]) };
            let step = self.locking(Lock::AccessExclusive, id, step);
            // Behind what gives rows their values.
            self.finish.push(step);
            return;
        }
        let proof = quote_name(&proof_name(column));
        let known = ObjectId::of_table(Kind::Constraint, id, proof_name(column));
        let left = match self.input.renamed.get(&known).map(|object| &object.body) {
            Some(Body::Constraint(constraint)) => Some(constraint.valid),
            _ => None,
        };
        if left.is_none() {
            let sql = format!("ALTER TABLE {name} ADD CONSTRAINT {proof} CHECK ({quoted} IS NOT NULL) NOT VALID");
            let title = format!("refuse new rows without {column}");
            let step = Step { parts: vec![part], ..self.step(change, id, title, vec![sql]) };
            let step = self.locking(Lock::AccessExclusive, id, step);
            self.proofs.push(step);
        }
        self.helpers.push(format!("ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {proof}"));
        if left != Some(true) {
            let sql = format!("ALTER TABLE {name} VALIDATE CONSTRAINT {proof}");
            let mut step = self.step(change, id, format!("check all rows for {column}"), vec![sql]);
            step.parts = vec![part];
            step.alone = true;
            step.hazards.push(Hazard::MayFail { constraint: format!("NOT NULL of {column}"), rows });
            let step = self.locking(Lock::ShareUpdateExclusive, id, step);
            self.online.push(step);
        }
        let sql = vec![set, format!("ALTER TABLE {name} DROP CONSTRAINT {proof}")];
        let step = Step { parts: vec![part], ..self.step(change, id, format!("set {column} NOT NULL"), sql) };
        let step = self.locking(Lock::AccessExclusive, id, step);
        // Before the keys that need it.
        self.finish.insert(0, step);
    }

    fn alter_column(&mut self, id: &ObjectId, before: &Column, after: &Column, change: usize, part: usize) {
        let name = id.sql();
        let quoted = quote_name(&after.name);
        let table_rows = self.facts(id).rows;
        let alter = |action: &str| format!("ALTER TABLE {name} ALTER COLUMN {quoted} {action}");
        let mut sql = Vec::new();
        let mut hazards = Vec::new();
        let converted = changes_type(before, after) && before.generated.is_none() && after.generated.is_none();
        if before.generated != after.generated || (changes_type(before, after) && after.generated.is_some()) {
            match (&before.generated, &after.generated) {
                (Some(_), None) => sql.push(alter("DROP EXPRESSION")),
                _ => {
                    // What is computed can be computed again; what was not, is lost, and was asked for.
                    sql.push(format!("ALTER TABLE {name} DROP COLUMN {quoted}"));
                    sql.push(format!("ALTER TABLE {name} ADD COLUMN {}", print::column(after, &id.schema)));
                    hazards.push(Hazard::Rewrite { rows: table_rows });
                    if before.generated.is_none() {
                        let lost = self.input.findings.lost.get(&(id.clone(), Some(after.name.clone()))).copied();
                        if let Some(rows) = lost.filter(|rows| *rows > 0) {
                            let what = format!("column {}.{}", id.shown(), after.name);
                            hazards.push(Hazard::DataLoss { what, rows });
                        }
                    }
                }
            }
        }
        match (&before.identity, &after.identity) {
            (Some(_), None) => sql.push(alter("DROP IDENTITY")),
            (None, Some(_)) if before.default.is_some() => {}
            (Some(b), Some(a)) if b != a => {
                let always = if a.always { "ALWAYS" } else { "BY DEFAULT" };
                let numbers = &a.numbers;
                let cycle = if numbers.cycle { "SET CYCLE" } else { "SET NO CYCLE" };
                sql.push(alter(&format!(
                    "SET GENERATED {always} SET START WITH {} SET INCREMENT BY {} SET MINVALUE {} SET MAXVALUE {} \
                     SET CACHE {} {cycle}",
                    numbers.start, numbers.increment, numbers.min, numbers.max, numbers.cache
                )));
            }
            _ => {}
        }
        if before.default != after.default && !converted && after.generated.is_none() && before.generated.is_none() {
            match &after.default {
                Some(default) => sql.push(alter(&format!("SET DEFAULT {default}"))),
                None if after.identity.is_none() => sql.push(alter("DROP DEFAULT")),
                None => {}
            }
        }
        if before.not_null && !after.not_null {
            sql.push(alter("DROP NOT NULL"));
        }
        if let (None, Some(identity)) = (&before.identity, &after.identity) {
            if !before.not_null {
                sql.push(alter("SET NOT NULL"));
            }
            sql.push(alter(&format!("ADD {}", print::identity(identity, &id.schema))));
            let sequence = format!("{}.{}", quote_name(&id.schema), quote_name(&identity.sequence));
            // Numbers that are in use, or were given out, are not given out again.
            let given = self
                .counter_of(id, &after.name)
                .map(|old| format!(" UNION ALL SELECT last_value FROM {old} WHERE is_called"));
            sql.push(format!(
                "SELECT pg_catalog.setval({}, m.top) FROM (SELECT max(n) AS top FROM (SELECT max({quoted}) AS n \
                 FROM {name}{}) given) m WHERE m.top >= {}",
                quote_literal(&sequence),
                given.unwrap_or_default(),
                identity.numbers.min
            ));
        }
        sql.extend(print::column_settings(&name, before, after));
        if before.comment != after.comment {
            sql.push(print::column_comment(&name, &after.name, after.comment.as_ref()));
        }
        if !sql.is_empty() {
            let mut step = self.step(change, id, format!("change column {}", after.name), sql);
            step.parts = vec![part];
            step.hazards = hazards;
            let step = self.locking(Lock::AccessExclusive, id, step);
            self.body.push(step);
        }
        let regenerated = after.generated.is_some() && before.generated != after.generated;
        if !before.not_null && after.not_null && after.identity.is_none() && !regenerated {
            let key = (id.clone(), after.name.clone());
            let missing = self.input.findings.without_value.get(&key).copied().unwrap_or_default();
            if missing > 0
                && let Some(value) = self.input.findings.backfills.get(&key).cloned().or_else(|| after.default.clone())
            {
                self.backfill(id, &after.name, &value, missing, change, Some(part));
            }
            self.set_not_null(id, &after.name, change, part);
        }
    }

    /// The sequence that a column counted by, under the name that it has while the column changes.
    fn counter_of(&self, table: &ObjectId, column: &str) -> Option<String> {
        let is_it =
            |sequence: &Sequence| sequence.owned_by.as_ref().is_some_and(|(owner, of)| owner == table && of == column);
        let found = self.input.renamed.objects.values().find(|object| match &object.body {
            Body::Sequence(sequence) => is_it(sequence) && self.input.target.get(&object.id).is_none(),
            _ => false,
        })?;
        let aside = ObjectId { name: aside_name(&found.id.name), ..found.id.clone() };
        let moved = format!(" RENAME TO {}", quote_name(&aside.name));
        let statements = self.drops.iter().flat_map(|step| &step.statements);
        let is_aside =
            statements.map(Statement::sql).any(|sql| sql.starts_with("ALTER SEQUENCE") && sql.ends_with(&moved));
        Some(if is_aside { aside.sql() } else { found.id.sql() })
    }

    fn table_setting(
        &mut self,
        id: &ObjectId,
        what: &'static str,
        (from, to): (&str, &str),
        (before, after): (&Table, &Table),
        change: usize,
        part: usize,
    ) {
        let name = id.sql();
        let mut sql = Vec::new();
        let mut hazards = Vec::new();
        let mut late = false;
        match what {
            "unlogged" => {
                sql.push(format!("ALTER TABLE {name} SET {}", if after.unlogged { "UNLOGGED" } else { "LOGGED" }));
                hazards.push(Hazard::Rewrite { rows: self.facts(id).rows });
            }
            "row level security" => {
                let action = if after.row_security { "ENABLE" } else { "DISABLE" };
                sql.push(format!("ALTER TABLE {name} {action} ROW LEVEL SECURITY"));
            }
            "forced row level security" => {
                let action = if after.force_row_security { "FORCE" } else { "NO FORCE" };
                sql.push(format!("ALTER TABLE {name} {action} ROW LEVEL SECURITY"));
            }
            "options" => {
                let (gone, new) = print::changed_options(&before.options, &after.options);
                if !gone.is_empty() {
                    sql.push(format!("ALTER TABLE {name} RESET ({})", gone.join(", ")));
                }
                if !new.is_empty() {
                    sql.push(format!("ALTER TABLE {name} SET ({})", print::options(&new)));
                }
            }
            "replica identity" => {
                let identity = if to.is_empty() { "DEFAULT" } else { to };
                sql.push(format!("ALTER TABLE ONLY {name} REPLICA IDENTITY {identity}"));
                late = true;
            }
            "clustered on" => {
                sql.push(match to {
                    "" => format!("ALTER TABLE {name} SET WITHOUT CLUSTER"),
                    index => format!("ALTER TABLE {name} CLUSTER ON {}", quote_name(index)),
                });
                late = true;
            }
            "tablespace" => {
                let tablespace = if to.is_empty() { "pg_default" } else { to };
                sql.push(format!("ALTER TABLE {name} SET TABLESPACE {}", quote_name(tablespace)));
                hazards.push(Hazard::Rewrite { rows: self.facts(id).rows });
            }
            "partition of" => {
                if let Some((parent, _)) = &before.partition_of {
                    sql.push(format!("ALTER TABLE {} DETACH PARTITION {name}", parent.sql()));
                }
                if let Some((parent, bound)) = &after.partition_of {
                    sql.push(format!("ALTER TABLE {} ATTACH PARTITION {name} {bound}", parent.sql()));
                }
            }
            "inherits" => {
                for parent in before.inherits.iter().filter(|parent| !after.inherits.contains(parent)) {
                    sql.push(format!("ALTER TABLE {name} NO INHERIT {}", parent.sql()));
                }
                for parent in after.inherits.iter().filter(|parent| !before.inherits.contains(parent)) {
                    sql.push(format!("ALTER TABLE {name} INHERIT {}", parent.sql()));
                }
            }
            _ => {
                let shown = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
                self.unsupported(id, format!("{what} cannot be changed ({} → {})", shown(from), shown(to)));
                return;
            }
        }
        let mut step = self.step(change, id, format!("change {what}"), sql);
        step.parts = vec![part];
        step.hazards = hazards;
        let step = self.locking(Lock::AccessExclusive, id, step);
        if late { self.finish.push(step) } else { self.body.push(step) }
    }
}

impl Change {
    fn dropped(&self) -> Option<&ObjectId> {
        match self {
            Change::Drop(object) => Some(&object.id),
            _ => None,
        }
    }
}

/// Whether an index is built under another name while the old one serves, and then put in its place.
fn is_swapped(planner: &Planner<'_>, object: &Object) -> bool {
    // Whether it can be built while others write is a question about the new one.
    let Some(Body::Index(index)) = planner.input.target.get(&object.id).map(|o| &o.body) else { return false };
    let altered = planner.input.changes.iter().any(|change| match change {
        Change::Alter(a) => {
            a.after.id == object.id && a.parts.contains(&Part::Definition) && a.before.on_table() == a.after.on_table()
        }
        _ => false,
    });
    let was_valid = planner.input.renamed.get(&object.id).is_some_and(|o| matches!(&o.body, Body::Index(i) if i.valid));
    let fits = !index.unique || planner.input.findings.fitting.contains(&object.id);
    altered
        && was_valid
        && fits
        && planner.is_live(&index.table)
        && !index.partitioned
        && only_plain_columns(planner, object)
}

/// Whether nothing that goes is needed by an index as it is: else it cannot stay until the new one is there.
fn only_plain_columns(planner: &Planner<'_>, object: &Object) -> bool {
    let Some(old) = planner.input.renamed.get(&object.id) else { return false };
    let Body::Index(index) = &old.body else { return false };
    let stays = index.columns.iter().all(|c| !planner.column_goes(&index.table, c));
    stays && old.needs.iter().all(|need| need.on == index.table || planner.input.target.get(&need.on).is_some())
}

/// Whether an object changes by being dropped and made anew.
fn is_made_anew(alteration: &Alteration) -> bool {
    let is_other = alteration.parts.iter().any(|part| matches!(part, Part::Definition | Part::Invalid));
    if !is_other {
        return false;
    }
    match (&alteration.before.body, &alteration.after.body) {
        (Body::View(before), Body::View(after)) => {
            let grows = after.columns.starts_with(&before.columns);
            before.materialized || !grows
        }
        (Body::Routine(before), Body::Routine(after)) => {
            let defaults = |text: &str| text.lines().next().map_or(0, |line| line.matches(" DEFAULT ").count());
            before.signature != after.signature
                || before.procedure != after.procedure
                || defaults(&before.definition) > defaults(&after.definition)
        }
        (Body::Composite(_), Body::Composite(_)) => false,
        _ => true,
    }
}

fn is_integer(data_type: &str) -> bool {
    matches!(data_type, "smallint" | "integer" | "bigint")
}

fn changes_type(before: &Column, after: &Column) -> bool {
    before.data_type != after.data_type || before.collation != after.collation
}

/// The actions that give a column another type.
fn conversion(before: &Column, after: &Column) -> Vec<String> {
    let name = quote_name(&after.name);
    let mut actions = Vec::new();
    // A default is kept as it was understood for the old type.
    if before.default.is_some() {
        actions.push(format!("ALTER COLUMN {name} DROP DEFAULT"));
    }
    let collation = after.collation.as_ref().map(|c| format!(" COLLATE {c}")).unwrap_or_default();
    let using = match keeps_its_bytes(&before.data_type, &after.data_type) {
        true => String::new(),
        false => format!(" USING {}", cast(&name, &before.data_type, &after.data_type)),
    };
    actions.push(format!("ALTER COLUMN {name} TYPE {}{collation}{using}", after.data_type));
    if let Some(default) = &after.default {
        actions.push(format!("ALTER COLUMN {name} SET DEFAULT {default}"));
    }
    actions
}

/// A value of one type as one of another: directly where PostgreSQL knows how, else through text.
pub fn cast(value: &str, before: &str, after: &str) -> String {
    let base = |text: &str| text.split(['(', '[']).next().unwrap_or(text).trim().to_owned();
    const KNOWN: &[&str] = &[
        "smallint",
        "integer",
        "bigint",
        "numeric",
        "real",
        "double precision",
        "text",
        "character varying",
        "character",
        "boolean",
        "date",
        "timestamp without time zone",
        "timestamp with time zone",
        "time without time zone",
        "json",
        "jsonb",
        "uuid",
        "bytea",
        "inet",
        "cidr",
        "interval",
    ];
    let is_known =
        |text: &str| KNOWN.contains(&base(text).as_str()) || text.starts_with("timestamp") || text.starts_with("time");
    let is_text = |text: &str| matches!(base(text).as_str(), "text" | "character varying" | "character");
    let numbers = ["smallint", "integer", "bigint", "numeric", "real", "double precision"];
    let is_number = |text: &str| numbers.contains(&base(text).as_str());
    let is_time = |text: &str| text.starts_with("timestamp") || base(text) == "date";
    let direct = before.contains('[') == after.contains('[')
        && is_known(before)
        && is_known(after)
        && (is_text(before)
            || is_text(after)
            || (is_number(before) && is_number(after))
            || (is_time(before) && is_time(after))
            || base(before) == base(after)
            || (base(before) == "boolean" && base(after) == "integer")
            || (base(before) == "integer" && base(after) == "boolean")
            || (before.starts_with("json") && after.starts_with("json")));
    if direct { format!("{value}::{after}") } else { format!("{value}::text::{after}") }
}

/// How many values would not come back from another type as they were.
pub fn altered_rows(table: &str, column: &str, before: &str, after: &str) -> String {
    let there = cast(column, before, after);
    if before == "json" && after == "jsonb" {
        // Blanks and the order of members are no part of the value; what cannot be read as jsonb fails here.
        return format!("SELECT count(*) FROM {table} WHERE ({there}) IS NULL AND {column} IS NOT NULL");
    }
    let back = cast(&format!("({there})"), after, before);
    format!("SELECT count(*) FROM {table} WHERE ({back})::text IS DISTINCT FROM {column}::text")
}

/// Whether rows need not be written again: PostgreSQL only changes what the column is called
/// (<https://www.postgresql.org/docs/current/sql-altertable.html>, Notes).
pub fn keeps_its_bytes(before: &str, after: &str) -> bool {
    let split = |text: &str| -> (String, Vec<i64>) {
        match text.split_once('(') {
            Some((base, rest)) => {
                let numbers = rest.split(')').next().unwrap_or_default();
                let tail = rest.split_once(')').map_or("", |(_, tail)| tail);
                (format!("{}{tail}", base.trim()), numbers.split(',').filter_map(|n| n.trim().parse().ok()).collect())
            }
            None => (text.to_owned(), Vec::new()),
        }
    };
    let ((b, b_numbers), (a, a_numbers)) = (split(before), split(after));
    let is_var = |text: &str| matches!(text, "character varying" | "text");
    match (b.as_str(), a.as_str()) {
        (b, "text") if is_var(b) => true,
        (b, "character varying") if is_var(b) => {
            a_numbers.is_empty() || (b == "character varying" && b_numbers.first().is_some_and(|n| *n <= a_numbers[0]))
        }
        ("numeric", "numeric") => {
            let scale = |numbers: &[i64]| numbers.get(1).copied().unwrap_or(0);
            a_numbers.is_empty()
                || (!b_numbers.is_empty() && scale(&b_numbers) == scale(&a_numbers) && b_numbers[0] <= a_numbers[0])
        }
        (b, a) if b == a => b_numbers == a_numbers || (b_numbers.is_empty() && b.starts_with("bit varying")),
        _ => false,
    }
}

/// Whether an expression may give each row another value. A function that is not known may.
pub fn may_differ_by_row(expression: &str) -> bool {
    const STEADY: &[&str] = &[
        "now",
        "current_timestamp",
        "statement_timestamp",
        "transaction_timestamp",
        "current_setting",
        "lower",
        "upper",
        "coalesce",
        "timezone",
        "to_timestamp",
        "date_trunc",
        "concat",
        "replace",
        "jsonb_build_object",
        "jsonb_build_array",
        "json_build_object",
        "array_fill",
        "to_jsonb",
        "to_json",
        "length",
        "btrim",
        "make_interval",
    ];
    let mut word = String::new();
    let mut quoted = false;
    for c in expression.chars() {
        if c == '\'' {
            quoted = !quoted;
        }
        if quoted {
            word.clear();
        } else if c.is_alphanumeric() || c == '_' || c == '"' {
            word.push(c);
        } else {
            // A cast with a modifier, such as `'a'::character varying(8)`, is no call.
            let is_type = matches!(
                word.as_str(),
                "varying"
                    | "character"
                    | "numeric"
                    | "bit"
                    | "timestamp"
                    | "time"
                    | "AND"
                    | "OR"
                    | "NOT"
                    | "IN"
                    | "ANY"
            );
            if c == '(' && !word.is_empty() && !is_type && !STEADY.contains(&word.to_lowercase().as_str()) {
                return true;
            }
            word.clear();
        }
    }
    false
}

/// The name under which something is made that takes another's place.
pub fn temporary_name(name: &str) -> String {
    shortened("_whimbrel_new_", name)
}

/// The name under which something waits to be dropped while another has its name.
fn aside_name(name: &str) -> String {
    shortened("_whimbrel_gone_", name)
}

/// The name of the check that proves NOT NULL.
pub fn proof_name(column: &str) -> String {
    shortened("_whimbrel_not_null_", column)
}

/// The name of the check that marks a column which is being filled in and may stay NULL.
fn mark_name(column: &str) -> String {
    shortened(MARK, column)
}

const MARK: &str = "_whimbrel_fill_";

/// Marks a column by a check that every row passes. It is never validated, names the column whatever that is called
/// later, and goes with it.
fn add_mark(table: &ObjectId, column: &str) -> String {
    let (mark, column) = (quote_name(&mark_name(column)), quote_name(column));
    format!(
        "ALTER TABLE {} ADD CONSTRAINT {mark} CHECK ({column} IS NULL OR {column} IS NOT NULL) NOT VALID",
        table.sql()
    )
}

/// The column that is being filled in, where a constraint is the mark of that.
pub fn marked_column(object: &Object) -> Option<&str> {
    match &object.body {
        Body::Constraint(constraint) if object.id.name.starts_with(MARK) && !constraint.valid => {
            constraint.columns.first().map(String::as_str)
        }
        _ => None,
    }
}

/// What rows of a marked column are given that have no value yet: what the declared schema says, as far as it still does.
pub fn value_left(column: &Column, backfill: Option<&String>) -> Option<String> {
    backfill.cloned().or_else(|| column.default.clone().filter(|default| may_differ_by_row(default)))
}

/// Names of more than 63 bytes are cut by PostgreSQL, and two could become one.
pub(super) fn shortened(prefix: &str, name: &str) -> String {
    let whole = format!("{prefix}{name}");
    if whole.len() <= 63 {
        return whole;
    }
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{prefix}{hash:016x}")
}

/// The index that serves a key, and the words that make it a constraint.
fn index_for(id: &ObjectId, constraint: &Constraint) -> Option<(String, String)> {
    let definition = &constraint.definition;
    let (demand, rest) = match constraint.demands {
        Demands::PrimaryKey => ("PRIMARY KEY", definition.strip_prefix("PRIMARY KEY ")?),
        _ => ("UNIQUE", definition.strip_prefix("UNIQUE ")?),
    };
    let (rest, nulls) = match rest.strip_prefix("NULLS NOT DISTINCT ") {
        Some(rest) => (rest, " NULLS NOT DISTINCT"),
        None => (rest, ""),
    };
    // DEFERRABLE and INITIALLY DEFERRED belong to the constraint, all before to the index.
    let (columns, deferral) = match rest.find(" DEFERRABLE") {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    // INCLUDE stands behind NULLS NOT DISTINCT in an index, and storage parameters last.
    let (columns, with) =
        columns.split_once(" WITH (").map_or((columns, String::new()), |(c, w)| (c, format!(" WITH ({w}")));
    let (columns, include) =
        columns.split_once(" INCLUDE ").map_or((columns, String::new()), |(c, i)| (c, format!(" INCLUDE {i}")));
    let name = quote_name(&id.name);
    let index = format!("CREATE UNIQUE INDEX {name} ON {} {columns}{include}{nulls}{with}", id.table_sql());
    Some((index, format!("{demand} USING INDEX {name}{deferral}")))
}
