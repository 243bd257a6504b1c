//! What needs what changes: it makes way, and comes back when what it needs is there again.
//!
//! PostgreSQL itself carries over only what it keeps the needs of by number, an index over a column that gets another
//! type. Views, functions and what is computed are dropped and made anew. What was computed by a function that gives
//! something else now is computed again, though PostgreSQL takes it for unchanged.
//!
//! **Invariant:** a column that goes to come back is dropped behind all that stands on it, and before all that it is
//! made of.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Planner;
use super::tables::changes_type;
use super::types::{holding, multiranges};
use super::values::keeps_its_bytes;
use crate::error::{Code, Error};
use crate::plan::{Hazard, Strategy};
use crate::postgres::diff::{Alteration, Change, Part};
use crate::postgres::print;
use crate::postgres::resolve::{Rename, new_id, new_member};
use crate::postgres::schema::{Attribute, Body, Column, Kind, Need, Object, ObjectId, Schema, Table};
use crate::postgres::steps::{Lock, Step};
use crate::postgres::token::quote_name;

/// Something that goes, or becomes another, so that what needs it has to make way.
struct Broken {
    id: ObjectId,
    what: Loses,
    /// The change that makes it necessary.
    cause: usize,
}

/// How much of it.
enum Loses {
    /// All of it.
    Itself,
    /// A column, which may come back.
    Column(String),
    /// The type of a column.
    TypeOf(String),
}

impl Planner<'_> {
    /// Which objects must be made anew because what they need goes, or becomes another.
    pub(super) fn find_broken(&mut self) {
        let mut broken: Vec<Broken> = Vec::new();
        for (at, change) in self.input.changes.iter().enumerate() {
            let alteration = match change {
                Change::Create(_) => continue,
                Change::Drop(object) => {
                    broken.push(Broken { id: object.id.clone(), what: Loses::Itself, cause: at });
                    continue;
                }
                Change::Alter(alteration) => alteration,
            };
            let id = &alteration.after.id;
            if is_made_anew(alteration) {
                self.again.insert(id.clone(), at);
                broken.push(Broken { id: id.clone(), what: Loses::Itself, cause: at });
            }
            self.set_free(alteration, at, &mut broken);
            for part in &alteration.parts {
                let what = match part {
                    Part::DropColumn(column) => Loses::Column(column.name.clone()),
                    Part::AlterColumn { before, after } if is_computed_anew(before, after) => {
                        self.generated.insert((id.clone(), after.name.clone()), at);
                        Loses::Column(after.name.clone())
                    }
                    Part::AlterColumn { before, after } if changes_type(before, after) => {
                        Loses::TypeOf(after.name.clone())
                    }
                    Part::RemakeEnum { .. } => {
                        for id in self.made_of(id) {
                            self.remade.insert(id.clone());
                            broken.push(Broken { id, what: Loses::Itself, cause: at });
                        }
                        continue;
                    }
                    _ => continue,
                };
                broken.push(Broken { id: id.clone(), what, cause: at });
            }
        }
        self.find_stale(&mut broken);
        self.follow(broken);
    }

    /// What is made anew because it needs what goes; and what needs that.
    fn follow(&mut self, mut broken: Vec<Broken>) {
        let mut needed_by: HashMap<&ObjectId, Vec<(&Object, &Need)>> = HashMap::new();
        for object in self.input.renamed.objects.values() {
            for need in &object.needs {
                needed_by.entry(&need.on).or_default().push((object, need));
            }
        }
        let dropped: BTreeSet<&ObjectId> = self.input.changes.iter().filter_map(Change::dropped).collect();
        let mut retyped: BTreeMap<(ObjectId, String), usize> = BTreeMap::new();
        while let Some(Broken { id, what, cause }) = broken.pop() {
            self.refuse_out_of_sight(&id, &what);
            if let Loses::TypeOf(column) = &what {
                retyped.insert((id.clone(), column.clone()), cause);
            }
            for (object, need) in needed_by.get(&id).into_iter().flatten() {
                let is_hit = match &what {
                    Loses::Itself => true,
                    Loses::Column(column) | Loses::TypeOf(column) => need.column.as_ref() == Some(column),
                };
                if !is_hit {
                    continue;
                }
                let survives = !dropped.contains(&object.id) && self.input.target.get(&object.id).is_some();
                match (object.id.kind, &need.of) {
                    (Kind::Table, Some(of)) => self.break_column(object, of, &id, cause, &mut broken),
                    (Kind::Table | Kind::Sequence | Kind::Domain | Kind::Composite | Kind::Enum | Kind::Range, _) => {}
                    // PostgreSQL carries these over to the new type by itself.
                    (Kind::Constraint | Kind::Index | Kind::Statistics, _) if matches!(what, Loses::TypeOf(_)) => {}
                    (Kind::Namespace | Kind::Extension | Kind::Other, _) => {}
                    _ if survives && !self.again.contains_key(&object.id) => {
                        self.again.insert(object.id.clone(), cause);
                        broken.push(Broken { id: object.id.clone(), what: Loses::Itself, cause });
                    }
                    _ => {}
                }
            }
        }
        self.find_keys_between(&retyped);
    }

    /// A foreign key whose columns become others on both sides: between the one and the other they may not be comparable,
    /// and all rows would be asked twice.
    fn find_keys_between(&mut self, retyped: &BTreeMap<(ObjectId, String), usize>) {
        let cause = |table: &ObjectId, column: &String| {
            let cause = retyped.get(&(table.clone(), column.clone()))?;
            let of = |schema: &Schema| Some(schema.table(table)?.column(column)?.data_type.clone());
            let (before, after) = (of(self.input.renamed)?, of(self.input.target)?);
            (before == after || !keeps_its_bytes(&before, &after)).then_some(*cause)
        };
        let mut found = Vec::new();
        for (id, object) in &self.input.renamed.objects {
            let Body::Constraint(key) = &object.body else { continue };
            let Some(parent) = &key.references else { continue };
            let mut pairs = key.columns.iter().zip(&key.referenced_columns);
            let both = pairs.find_map(|(own, other)| cause(parent, other).and(cause(&id.table_id(), own)));
            if let Some(at) = both.filter(|_| self.input.target.get(id).is_some()) {
                found.push((id.clone(), at));
            }
        }
        for (id, at) in found {
            self.again.entry(id).or_insert(at);
        }
    }

    /// What is out of sight cannot make way.
    fn refuse_out_of_sight(&mut self, id: &ObjectId, what: &Loses) {
        let renames: Vec<Rename> = self.input.renames.iter().map(|(rename, _)| rename.clone()).collect();
        for object in self.input.ignored {
            let hit = object.needs.iter().any(|need| {
                let on = new_id(&renames, &need.on);
                let column = need.column.as_deref().map(|column| new_member(&renames, &on, column));
                let same = on == *id;
                same && match what {
                    Loses::Itself => true,
                    Loses::Column(gone) | Loses::TypeOf(gone) => column == Some(gone.as_str()),
                }
            });
            // Keys and indexes follow a column's type.
            let follows =
                matches!(what, Loses::TypeOf(_)) && !matches!(object.id.kind, Kind::View | Kind::MaterializedView);
            if hit && !follows {
                let shown = match what {
                    Loses::Itself => id.to_string(),
                    Loses::Column(column) | Loses::TypeOf(column) => format!("{}.{column}", id.shown()),
                };
                let message = format!("the {} needs {shown}, which changes, and is out of sight", object.id);
                let error = Error::new(Code::Unsupported, message).object(object.id.shown());
                self.obstacles.push(error.help("drop it before and make it anew behind, or do not ignore it"));
            }
        }
    }

    /// A column whose default, type or expression needs what goes.
    fn break_column(&mut self, table: &Object, column: &str, on: &ObjectId, cause: usize, broken: &mut Vec<Broken>) {
        let key = (table.id.clone(), column.to_owned());
        let (before, after) = (
            table.table().and_then(|t| t.column(column)),
            self.input.target.table(&table.id).and_then(|t| t.column(column)),
        );
        let (Some(before), Some(after)) = (before, after) else { return };
        if before.generated.is_some() {
            self.compute_anew(&table.id, (before, after), cause, broken);
            return;
        }
        let is_type = matches!(on.kind, Kind::Enum | Kind::Composite | Kind::Domain | Kind::Range);
        if is_type && before.data_type.trim_end_matches("[]") == on.sql() {
            if self.input.target.get(on).is_some() {
                // The column goes over to the type that is made anew, and what reads it has to make way.
                let what = Loses::TypeOf(column.to_owned());
                broken.push(Broken { id: table.id.clone(), what, cause });
            }
        } else if before.default.is_some() && (is_type || after.default == before.default) {
            self.defaults.insert(key, cause);
        }
    }

    /// A generated column that goes and comes back; that of a partition or a child goes with its parent's.
    fn compute_anew(
        &mut self,
        table: &ObjectId,
        (before, after): (&Column, &Column),
        cause: usize,
        broken: &mut Vec<Broken>,
    ) {
        let key = (table.clone(), after.name.clone());
        let is_own = before.local || !self.input.renamed.table(table).is_some_and(Table::has_parents);
        if is_own && after.generated.is_some() && self.generated.insert(key, cause).is_none() {
            let what = Loses::Column(after.name.clone());
            broken.push(Broken { id: table.clone(), what, cause });
        }
    }

    /// PostgreSQL changes no type of which values are kept in a column of another table: these wait as text meanwhile.
    fn set_free(&mut self, alteration: &Alteration, cause: usize, broken: &mut Vec<Broken>) {
        let id = &alteration.after.id;
        let pairs: Vec<(String, String)> = match (&alteration.before.body, &alteration.after.body) {
            (Body::Table(_), Body::Table(_)) => alteration
                .parts
                .iter()
                .filter_map(|part| match part {
                    Part::AlterColumn { before, after } if changes_type(before, after) => {
                        Some((before.data_type.clone(), after.data_type.clone()))
                    }
                    _ => None,
                })
                .collect(),
            (Body::Composite(before), Body::Composite(after)) => {
                let pair = |new: &Attribute| {
                    let old = before.iter().find(|old| old.name == new.name).filter(|old| *old != new)?;
                    Some((old.data_type.clone(), new.data_type.clone()))
                };
                after.iter().filter_map(pair).collect()
            }
            _ => return,
        };
        if pairs.is_empty() {
            return;
        }
        let count = |object: &Object| object.members().len();
        let is_resized = alteration.parts.iter().any(|part| matches!(part, Part::AddColumn(_) | Part::DropColumn(_)))
            || count(&alteration.before) != count(&alteration.after);
        for (table, column) in holding(self.input.renamed, id) {
            let stays = self.input.target.table(&table).and_then(|t| t.column(&column.name));
            if stays.is_none_or(|after| after.data_type != column.data_type) || column.generated.is_some() {
                continue;
            }
            if let Some((old, new)) = pairs.iter().find(|(old, new)| !is_same_as_text(old, new))
                && self.has_rows(&table)
            {
                let shown = format!("{}.{}", table.shown(), column.name);
                let message =
                    format!("{shown} holds values in which {old} would become {new}, which may not be the same");
                self.unsupported(id, message);
            }
            if is_resized && self.has_rows(&table) {
                let shown = format!("{}.{}", table.shown(), column.name);
                self.unsupported(
                    id,
                    format!("{shown} holds values of it: what is new or gone and what changes its type go in two"),
                );
            }
            self.freed.insert((table.clone(), column.name.clone()), cause);
            broken.push(Broken { id: table, what: Loses::Column(column.name.clone()), cause });
        }
    }

    /// Before the type changes.
    pub(super) fn free_columns(&mut self) {
        for ((table, name), change) in self.freed.clone() {
            let Some(column) = self.input.renamed.table(&table).and_then(|t| t.column(&name)) else { continue };
            let quoted = quote_name(&name);
            let default = match column.default {
                Some(_) => format!("ALTER COLUMN {quoted} DROP DEFAULT, "),
                None => String::new(),
            };
            let sql =
                format!("ALTER TABLE {} {default}ALTER COLUMN {quoted} TYPE text USING {quoted}::text", table.sql());
            let step = self.step(change, &table, format!("keep {name} as text while its type changes"), vec![sql]);
            let step = self.rewriting(&table, step);
            self.drops.push(step);
        }
    }

    /// And after.
    pub(super) fn bind_columns(&mut self, table: &ObjectId) {
        let columns: Vec<(String, usize)> =
            self.freed.iter().filter(|((id, _), _)| id == table).map(|((_, c), at)| (c.clone(), *at)).collect();
        for (name, change) in columns {
            let Some(column) = self.input.target.table(table).and_then(|t| t.column(&name)) else { continue };
            let (quoted, of) = (quote_name(&name), &column.data_type);
            let mut sql = format!("ALTER TABLE {} ALTER COLUMN {quoted} TYPE {of} USING {quoted}::{of}", table.sql());
            if let Some(default) = &column.default {
                sql += &format!(", ALTER COLUMN {quoted} SET DEFAULT {default}");
            }
            let step = self.step(change, table, format!("give {name} its type again"), vec![sql]);
            let step = self.rewriting(table, step);
            self.body.push(step);
        }
    }

    fn rewriting(&self, table: &ObjectId, mut step: Step) -> Step {
        if self.has_rows(table) {
            step.hazards.push(Hazard::Rewrite { rows: self.facts(table).rows });
        }
        self.locking(Lock::AccessExclusive, table, step)
    }

    /// What was made by functions that give something else now: PostgreSQL takes it for unchanged.
    fn find_stale(&mut self, broken: &mut Vec<Broken>) {
        let renamed = self.input.renamed;
        let mut other: BTreeMap<&ObjectId, usize> = BTreeMap::new();
        for (at, change) in self.input.changes.iter().enumerate() {
            if let Change::Alter(alteration) = change
                && let (Body::Routine(before), Body::Routine(after)) = (&alteration.before.body, &alteration.after.body)
                && alteration.parts.contains(&Part::Definition)
                && what_it_does(&before.definition) != what_it_does(&after.definition)
                && let Some((id, _)) = renamed.objects.get_key_value(&alteration.after.id)
            {
                other.insert(id, at);
            }
        }
        // Functions that are made of these: where PostgreSQL knows it, and where a text only names them.
        let mut named: BTreeMap<&ObjectId, (&ObjectId, usize)> = BTreeMap::new();
        loop {
            let before = (other.len(), named.len());
            for object in renamed.objects.values() {
                let Body::Routine(routine) = &object.body else { continue };
                if let Some(at) = object.needs.iter().find_map(|need| other.get(&need.on).copied()) {
                    other.entry(&object.id).or_insert(at);
                }
                let of_other =
                    other.iter().map(|(id, at)| (*id, *at)).chain(named.iter().map(|(id, (_, at))| (*id, *at)));
                let named_here =
                    of_other.clone().find(|(id, _)| **id != object.id && names(&routine.definition, &id.name));
                if let Some(found) = named_here
                    && !other.contains_key(&object.id)
                {
                    named.entry(&object.id).or_insert(found);
                }
            }
            if (other.len(), named.len()) == before {
                break;
            }
        }
        for object in renamed.objects.values() {
            for need in &object.needs {
                if let Some(cause) = other.get(&need.on).copied() {
                    self.make_stale(object, need, cause, broken);
                }
            }
        }
        for (user, (changed, _)) in named {
            let rests = renamed.objects.values().filter(|object| {
                let holds = |need: &Need| need.on == *user && is_kept_result(object, need);
                self.input.target.get(&object.id).is_some() && object.needs.iter().any(holds)
            });
            let rests: Vec<String> = rests.map(|object| object.id.to_string()).collect();
            if !rests.is_empty() {
                self.warnings.push(format!(
                    "the {changed} changes, and the {user} names it: whether what was computed with that is still right \
                     cannot be told ({}); REINDEX, or write the rows again, where it is not",
                    rests.join(", ")
                ));
            }
        }
    }

    fn make_stale(&mut self, object: &Object, need: &Need, cause: usize, broken: &mut Vec<Broken>) {
        if !is_kept_result(object, need) || self.input.target.get(&object.id).is_none() {
            return;
        }
        match &object.body {
            Body::Index(index) if !index.partitioned => {
                self.stale.insert(object.id.clone(), cause);
            }
            Body::Domain(_) => {
                self.stale.insert(object.id.clone(), cause);
            }
            Body::Table(table) => {
                let Some(of) = &need.of else {
                    self.unsupported(
                        &object.id,
                        format!("its rows are in partitions by the {}, which gives something else now", need.on),
                    );
                    return;
                };
                let after = self.input.target.table(&object.id).and_then(|t| t.column(of));
                if let (Some(before), Some(after)) = (table.column(of), after) {
                    self.compute_anew(&object.id, (before, after), cause, broken);
                }
            }
            // What is made anew is made with all rows.
            _ => {
                self.again.insert(object.id.clone(), cause);
                broken.push(Broken { id: object.id.clone(), what: Loses::Itself, cause });
            }
        }
    }

    /// Indexes are built once more, and domains ask all rows once more, in the transaction that changes the function.
    pub(super) fn refresh_stale(&mut self) {
        for (id, change) in self.stale.clone() {
            if self.again.contains_key(&id) {
                continue;
            }
            let Some(object) = self.input.target.get(&id) else { continue };
            let (title, sql) = match &object.body {
                Body::Domain(domain) => {
                    let name = id.sql();
                    let again = domain.checks.iter().flat_map(|check| {
                        let quoted = quote_name(&check.name);
                        [
                            format!("ALTER DOMAIN {name} DROP CONSTRAINT {quoted}"),
                            format!("ALTER DOMAIN {name} ADD CONSTRAINT {quoted} {}", check.definition),
                        ]
                    });
                    ("ask all rows again, because a function changes", again.collect())
                }
                _ => ("build again, because a function changes", vec![format!("REINDEX INDEX {}", id.sql())]),
            };
            let step = Step { strategy: Strategy::Recreate, ..self.step(change, &id, title, sql) };
            let holds = |table: &Table| table.columns.iter().any(|c| c.data_type.trim_end_matches("[]") == id.sql());
            let holder = || self.input.renamed.tables().find(|(_, table)| holds(table)).map(|(id, _)| id.clone());
            // Nobody can even plan a query for a table while one of its indexes is built again.
            let lock = if id.kind == Kind::Index { Lock::AccessExclusive } else { Lock::Share };
            let step = match object.on_table().or_else(holder) {
                Some(table) => self.reading(lock, &table, step),
                None => step,
            };
            self.body_end.push(step);
        }
    }

    /// Which of these need a column that goes and comes back, or something that does.
    pub(super) fn on_computed_columns<'i>(&self, of: &[&'i ObjectId]) -> BTreeSet<&'i ObjectId> {
        let mut out: BTreeSet<&ObjectId> = BTreeSet::new();
        loop {
            let count = out.len();
            for id in of {
                let needs = self.input.renamed.get(id).into_iter().flat_map(|object| &object.needs);
                let mut hits = needs.filter(|need| {
                    let column = need.column.as_ref().map(|column| (need.on.clone(), column.clone()));
                    out.contains(&need.on)
                        || column.is_some_and(|key| self.generated.contains_key(&key) || self.freed.contains_key(&key))
                });
                if id.kind != Kind::Table && hits.next().is_some() {
                    out.insert(id);
                }
            }
            if out.len() == count {
                return out;
            }
        }
    }

    pub(super) fn drop_computed_columns(&mut self) {
        for ((table, name), change) in self.generated.clone() {
            let before = self.input.renamed.table(&table).and_then(|t| t.column(&name)).cloned().unwrap_or_default();
            let (sql, quoted) = (table.sql(), quote_name(&name));
            let drop = format!("ALTER TABLE {sql} DROP COLUMN {quoted}");
            let mut step = self.step(change, &table, format!("drop column {name}, to be computed anew"), vec![drop]);
            step.parts = self.parts_of(change, &table, &name);
            if before.generated.is_none() {
                let lost = self.input.findings.lost.get(&(table.clone(), Some(name.clone()))).copied();
                match lost.filter(|rows| *rows > 0) {
                    Some(rows) => {
                        let what = format!("column {}.{name}", table.shown());
                        step.hazards.push(Hazard::DataLoss { what, rows });
                    }
                    None => {
                        let check =
                            format!("SELECT count(*) FROM (SELECT 1 FROM {sql} WHERE {quoted} IS NOT NULL LIMIT 1) r");
                        self.guard(&mut step, &table, check, "values came into the column that is dropped");
                    }
                }
            }
            let step = self.locking(Lock::AccessExclusive, &table, step);
            self.drops.push(step);
        }
    }

    /// Where the change of a column stands among the parts of its table's.
    fn parts_of(&self, change: usize, table: &ObjectId, column: &str) -> Vec<usize> {
        let Some(Change::Alter(alteration)) = self.input.changes.get(change) else { return Vec::new() };
        let is_it = |part: &Part| matches!(part, Part::AlterColumn { after, .. } if after.name == column);
        let found = alteration.parts.iter().position(is_it).filter(|_| alteration.after.id == *table);
        found.into_iter().collect()
    }

    pub(super) fn generated_again(&mut self, table: &ObjectId) {
        let columns: Vec<(String, usize)> =
            self.generated.iter().filter(|((id, _), _)| id == table).map(|((_, c), at)| (c.clone(), *at)).collect();
        for (name, change) in columns {
            let Some(column) = self.input.target.table(table).and_then(|t| t.column(&name)) else { continue };
            let sql_name = table.sql();
            let mut sql = vec![format!("ALTER TABLE {sql_name} ADD COLUMN {}", print::column(column, &table.schema))];
            sql.extend(print::column_settings(&sql_name, &Column::default(), column));
            sql.extend(column.comment.as_ref().map(|text| print::column_comment(&sql_name, &name, Some(text))));
            if let Some(old) = self.input.live.get(&self.old_id(table)) {
                sql.extend(print::column_rights(table, &old.rights, self.old_member(table, &name), &name));
            }
            let mut step = self.step(change, table, format!("add computed column {name}"), sql);
            step.parts = self.parts_of(change, table, &name);
            step.hazards.push(Hazard::Rewrite { rows: self.facts(table).rows });
            let add = self.locking(Lock::AccessExclusive, table, step);
            self.body.push(add);
        }
    }
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
        (Body::Whole { definition: before }, Body::Whole { definition: after }) => multiranges(before, after).is_none(),
        // What it lacks are parts.
        (Body::Index(_), Body::Index(after)) if after.partitioned => alteration.parts.contains(&Part::Definition),
        _ => true,
    }
}

/// Whether every value of one type is the same value of another by its text.
fn is_same_as_text(before: &str, after: &str) -> bool {
    let width = |text: &str| ["smallint", "integer", "bigint", "numeric"].iter().position(|name| *name == text);
    keeps_its_bytes(before, after)
        || matches!(after, "text" | "character varying")
        || matches!((width(before), width(after)), (Some(before), Some(after)) if before <= after)
}

/// Whether what a need gives is kept: in an index, in rows, or by what was found of them.
fn is_kept_result(object: &Object, need: &Need) -> bool {
    match &object.body {
        Body::Index(_) | Body::Domain(_) => true,
        Body::Constraint(constraint) => constraint.valid,
        Body::Table(table) => match &need.of {
            Some(of) => table.column(of).is_some_and(|column| column.generated.as_ref().is_some_and(|g| g.stored)),
            None => table.partition_by.is_some(),
        },
        _ => false,
    }
}

/// A routine's definition without what only says how it is run.
fn what_it_does(definition: &str) -> String {
    let (head, body) =
        match ["\nAS ", "\nBEGIN ATOMIC", "\nRETURN "].iter().filter_map(|word| definition.find(word)).min() {
            Some(at) => definition.split_at(at),
            None => (definition, ""),
        };
    let mut kept = Vec::new();
    let mut words = head.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "COST" | "ROWS" | "PARALLEL" => {
                words.next();
            }
            "LEAKPROOF" | "IMMUTABLE" | "STABLE" | "VOLATILE" => {}
            word => kept.push(word),
        }
    }
    format!("{}{body}", kept.join(" "))
}

/// Whether a text has a name as a word.
fn names(text: &str, name: &str) -> bool {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(is_of_word) && !after.is_some_and(is_of_word)
    })
}

/// Whether a column is computed in another way than before, so that its values are made anew.
fn is_computed_anew(before: &Column, after: &Column) -> bool {
    after.generated.is_some() && (before.generated != after.generated || changes_type(before, after))
}
