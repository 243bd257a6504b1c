//! Indexes and constraints: without a lock that others wait for, as far as PostgreSQL has a way.
//!
//! An index is built beside other work, and one in another's place beside that. A key is made of its index. A check and a
//! foreign key hold for new rows first, and all rows are asked later. An index of a partitioned table is put together from
//! those of its partitions.

use super::Planner;
use super::tables::changes_type;
use crate::plan::{Hazard, Strategy};
use crate::postgres::diff::{Change, Part};
use crate::postgres::print;
use crate::postgres::schema::{Body, Constraint, Demands, Index, Object, ObjectId, Schema};
use crate::postgres::steps::{Lock, Statement, Step};
use crate::postgres::token::quote_name;

/// The start of the name under which something is made that takes another's place.
const NEW: &str = "_whimbrel_new_";

impl Planner<'_> {
    pub(super) fn make_constraint(
        &mut self,
        object: &Object,
        constraint: &Constraint,
        change: usize,
        strategy: Strategy,
    ) {
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
                    let step = self.reading(Lock::AccessExclusive, &table, direct(self, false));
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
                let step = match constraint.valid {
                    true => self.reading(lock, &table, step),
                    false => self.locking(lock, &table, step),
                };
                let step = self.locking_other(Lock::ShareRowExclusive, constraint.references.as_ref(), step);
                self.push(id, step);
            }
        }
    }

    pub(super) fn check_all_rows(&mut self, id: &ObjectId, change: usize, rows: u64) {
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

    pub(super) fn make_index(
        &mut self,
        object: &Object,
        index: &Index,
        change: usize,
        strategy: Strategy,
        again: bool,
    ) {
        let id = &object.id;
        let fits = !index.unique || self.input.findings.fitting.contains(id);
        if index.partitioned && self.is_live(&index.table) && fits && !index.attached.is_empty() {
            let step = Step {
                strategy,
                ..self.step(change, id, "create index without its parts", vec![index.definition.clone()])
            };
            let step = self.locking(Lock::Share, &index.table, step);
            self.push(id, step);
            self.late.insert(id.clone());
            self.complete_index(object, index, change);
            let settings: Vec<String> =
                print::index_statistics(id, index).into_iter().chain(print::comment(object)).collect();
            if !settings.is_empty() {
                let step = self.step(change, id, "settings of the index", settings);
                self.finish.push(step);
            }
            return;
        }
        let concurrently = self.is_live(&index.table) && !index.partitioned && fits;
        if !concurrently {
            let sql = print::create(self.input.target, object);
            let step = Step { strategy, ..self.step(change, id, "create index", sql) };
            let step = self.reading(Lock::Share, &index.table, step);
            self.push(id, step);
            return;
        }
        let settings: Vec<String> =
            print::index_statistics(id, index).into_iter().chain(print::comment(object)).collect();
        self.late.insert(id.clone());
        let old = self.input.renamed.get(id).filter(|_| again && is_swapped(self, object));
        if let Some(old) = old {
            // The old one serves until the new one is there.
            let temporary = ObjectId { name: self.free_name(NEW, id), ..id.clone() };
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

    /// The indexes of partitions are built while others write, as far as they are not there, and attached; with the last
    /// one the whole is valid.
    pub(super) fn complete_index(&mut self, object: &Object, index: &Index, change: usize) {
        let renamed = self.input.renamed;
        let was = match renamed.get(&object.id).map(|old| &old.body) {
            Some(Body::Index(old)) if !self.again.contains_key(&object.id) => old.attached.as_slice(),
            _ => &[],
        };
        for part in &index.attached {
            let id = part.id();
            if let Some(old) = was.iter().find(|old| old.table == part.table) {
                if old.name != part.name && renamed.get(&id).is_none() {
                    let sql = format!("ALTER INDEX {} RENAME TO {}", old.id().sql(), quote_name(&part.name));
                    let step = self.step(change, &id, format!("rename from {}", old.name), vec![sql]);
                    self.body.push(step);
                }
                continue;
            }
            // One that a run which stopped has left is made anew where it is not whole.
            let is_there = matches!(renamed.get(&id).map(|old| &old.body), Some(Body::Index(old)) if old.valid)
                || self.input.target.get(&part.constraint()).is_some();
            if !is_there {
                let plain = print::create_part(index, part);
                if part.partitioned || !self.is_live(&part.table) {
                    let step = self.step(change, &id, "create index of a partition", vec![plain]);
                    let step = self.locking(Lock::Share, &part.table, step);
                    self.body.push(step);
                } else {
                    self.build_index(&id, change, &part.table, plain);
                }
            }
            let step = self.step(change, &id, "make it a part of the whole", vec![print::attach_part(part)]);
            self.finish.push(step);
        }
    }
}

/// Whether an index is built under another name while the old one serves, and then put in its place.
pub(super) fn is_swapped(planner: &Planner<'_>, object: &Object) -> bool {
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

/// Whether nothing that goes, or becomes another, is needed by an index as it is: else it cannot stay until the new one is
/// there.
fn only_plain_columns(planner: &Planner<'_>, object: &Object) -> bool {
    let Some(old) = planner.input.renamed.get(&object.id) else { return false };
    let Body::Index(index) = &old.body else { return false };
    let goes = |c: &String| {
        let of = |schema: &Schema| schema.table(&index.table).and_then(|table| table.column(c).cloned());
        let is_other =
            of(planner.input.renamed).zip(of(planner.input.target)).is_some_and(|(b, a)| changes_type(&b, &a));
        is_other
            || planner.column_goes(&index.table, c)
            || planner.generated.contains_key(&(index.table.clone(), c.clone()))
    };
    let stays = !index.columns.iter().any(goes);
    let is_there = |id: &ObjectId| {
        planner.input.target.get(id).is_some() && !planner.remade.contains(id) && !planner.again.contains_key(id)
    };
    stays && old.needs.iter().all(|need| need.on == index.table || is_there(&need.on))
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
