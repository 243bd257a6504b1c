//! The steps that no difference of schemas asks for: the record, the triggers, and what is verified before they go.
//!
//! When a database is expanded, the record and the triggers come in the transaction that adds the columns: from its end on,
//! whatever a client writes reaches both columns, and what was there before is filled in. When it is contracted, the
//! columns are compared and the triggers go in the transaction that drops the columns, under a lock that keeps everybody
//! out. So there is no moment in which a write could get lost between the two.

use std::collections::BTreeMap;

use super::mix::has_others;
use super::record::{self, Kept, Record, Twin, What};
use super::trigger::{self, Keeping, Link, out_of_step};
use crate::plan::Strategy;
use crate::postgres::diff::{Alteration, Change, Part};
use crate::postgres::plan::{Findings, marked_column};
use crate::postgres::schema::{Kind, Object, ObjectId, Schema};
use crate::postgres::steps::{Lock, Statement, Step};
use crate::postgres::token::quote_name;

/// What is kept before and after, and the schemas that go with it.
#[derive(Debug)]
pub struct Own<'a> {
    /// The record as it is.
    pub before: &'a Record,
    /// The record as it is to be, under the new names of tables.
    pub after: &'a Record,
    /// Old names of tables, and the new ones.
    pub moved: &'a BTreeMap<ObjectId, ObjectId>,
    /// The schema as it is.
    pub live: &'a Schema,
    /// The schema as it is to be.
    pub target: &'a Schema,
    /// Statements that give clients their rights on what is new.
    pub grants: &'a [String],
}

/// The steps, by where they stand among those that are made of the differences.
#[derive(Debug, Default)]
pub struct OwnSteps {
    /// Before all others.
    pub first: Vec<Step>,
    /// When the columns are there, in the same transaction.
    pub beside: Vec<Step>,
    /// Behind what is filled in.
    pub settled: Vec<Step>,
}

/// Whether a kept thing is an old column of this link's table.
fn links(record: &Record) -> impl Iterator<Item = (&ObjectId, &Twin)> {
    record.kept.iter().filter_map(|kept| match &kept.what {
        What::Column { table, twin: Some(twin), .. } => Some((table, twin)),
        _ => None,
    })
}

impl Own<'_> {
    /// The columns that go and have their values in another one.
    pub fn going(&self) -> Vec<(&ObjectId, &Link)> {
        let stays = |table: &ObjectId, twin: &Twin| {
            links(self.after).any(|(own, other)| own == table && other.link.before.column == twin.link.before.column)
        };
        links(self.before)
            .filter(|(table, twin)| !stays(table, twin))
            .map(|(table, twin)| (table, &twin.link))
            .collect()
    }

    fn present(&self, table: &ObjectId) -> Keeping {
        let old = self.moved.iter().find(|(_, new)| *new == table).map_or(table, |(old, _)| old);
        self.before.keeping(old, has_others(self.live, old))
    }

    fn wanted(&self, table: &ObjectId) -> Keeping {
        self.after.keeping(table, has_others(self.target, table))
    }

    /// The steps. What they do that no change says is added to the changes.
    pub fn steps(&self, changes: &mut Vec<Change>, renamed: &Schema, findings: &Findings) -> OwnSteps {
        let mut out = OwnSteps::default();
        let before = self.before.renamed(self.moved);
        let is_contraction = self.after.kept.iter().all(|kept| before.kept.contains(kept));
        let recording = match before == *self.after {
            true => Vec::new(),
            false => {
                let mut statements = record::create();
                statements.push(format!("DELETE FROM {}.kept", super::OWN));
                statements.extend(self.after.kept.iter().map(Kept::insert));
                statements
            }
        };
        for kept in self.after.kept.iter().filter(|kept| !before.kept.contains(kept)) {
            note(changes, renamed, kept, format!("{}: kept for clients up to {}", kept.part(), kept.client));
        }
        // What an earlier run has begun.
        for kept in before.kept.iter().filter(|kept| self.after.kept.contains(kept) && !kept.is_filled()) {
            note(changes, renamed, kept, format!("{}: filled in further", kept.part()));
        }
        for kept in before.kept.iter().filter(|kept| !self.after.kept.contains(kept)) {
            if !matches!(kept.what, What::Object(_)) {
                note(changes, renamed, kept, format!("{}: no client needs it any more", kept.part()));
            }
        }
        let step = |title: &str, object: String, change: (usize, Vec<usize>), statements: Vec<String>| Step {
            change: change.0,
            parts: change.1,
            object,
            title: title.to_owned(),
            strategy: Strategy::InPlace,
            statements: statements.into_iter().map(Statement::Execute).collect(),
            ..Step::default()
        };
        if !recording.is_empty() {
            let title = "record what is kept for old clients";
            let object = format!("{}.kept", super::OWN);
            let recorded = step(title, object, (0, Vec::new()), recording);
            if is_contraction { out.first.push(recorded) } else { out.beside.push(recorded) }
        }
        let mut tables: Vec<&ObjectId> = before.tables().into_iter().chain(self.after.tables()).collect();
        tables.sort();
        tables.dedup();
        for table in tables {
            let (present, wanted) = (self.present(table), self.wanted(table));
            let place = place(changes, table);
            let lock = |lock: Lock, step: Step| Step {
                lock: findings.tables.contains_key(table).then(|| (lock, table.clone())),
                rows: findings.tables.get(table).map_or(0, |facts| facts.rows),
                ..step
            };
            if present != wanted && is_contraction {
                let statements = match wanted.is_empty() {
                    true => {
                        let mut statements = trigger::removal(table);
                        statements.push(format!("DROP FUNCTION IF EXISTS {}()", trigger::function(table)));
                        statements
                    }
                    false => wanted.statements(),
                };
                let mut own = step("take away what kept columns in step", table.shown(), place.clone(), statements);
                let checks =
                    self.going().into_iter().filter(|(id, _)| *id == table).map(|(_, link)| Statement::Check {
                        sql: out_of_step(table, link),
                        failure: format!("{} and {} are not in step", link.before.column, link.after.column),
                    });
                let mut first: Vec<Statement> =
                    SETTINGS.iter().map(|sql| Statement::Execute((*sql).to_owned())).collect();
                first.push(Statement::Execute(format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", table.sql())));
                first.extend(checks);
                own.statements.splice(0..0, first);
                out.first.push(lock(Lock::AccessExclusive, own));
                continue;
            }
            if present != wanted {
                // Where the plan is tried out there is no record yet.
                let mut statements = record::create();
                statements.extend(wanted.statements());
                if present.table != wanted.table {
                    statements.push(format!("DROP FUNCTION IF EXISTS {}()", present.function()));
                }
                let own = step("keep columns in step", table.shown(), place.clone(), statements);
                out.beside.push(lock(Lock::ShareRowExclusive, own));
            }
            for link in wanted.links.iter().filter(|link| wanted.filling.contains(&link.after.column)) {
                if !self.is_filled_by_plan(table, link, findings) {
                    let mut own =
                        step(&format!("fill in {}", link.after.column), table.shown(), place.clone(), Vec::new());
                    own.alone = true;
                    let rows = findings.tables.get(table).map_or(0, |facts| facts.rows);
                    (own.rows, own.statements) = (rows, vec![filling(table, link, rows)]);
                    out.beside.push(own);
                }
            }
            if !wanted.filling.is_empty() {
                let settled = Keeping { filling: Vec::new(), ..wanted };
                let mut statements = record::create();
                statements.push(settled.definition());
                let own = self.after.kept.iter().filter(|kept| kept.table() == Some(table));
                statements.extend(own.filter(|kept| !kept.is_filled()).map(Kept::settle));
                out.settled.push(step("all rows are filled in", table.shown(), place, statements));
            }
        }
        if !self.grants.is_empty() {
            let title = "rights on what is new, as on what is old";
            out.beside.push(step(title, "rights".to_owned(), (0, Vec::new()), self.grants.to_vec()));
        }
        if is_contraction && self.after.is_empty() && !before.is_empty() {
            let object = super::OWN.to_owned();
            out.first.push(step("take away the record", object, (0, Vec::new()), record::remove()));
        }
        out
    }

    /// Whether the plan fills a column in by itself: where it is new to a table with rows, or becomes NOT NULL.
    fn is_filled_by_plan(&self, table: &ObjectId, link: &Link, findings: &Findings) -> bool {
        let column = &link.after.column;
        let old = self.moved.iter().find(|(_, new)| *new == table).map_or(table, |(old, _)| old);
        let has_rows = findings.tables.get(table).is_some_and(|facts| !facts.empty);
        match self.live.table(old).and_then(|live| live.column(column)) {
            None => has_rows,
            Some(_) => {
                let is_marked = |object: &&Object| {
                    marked_column(object) == Some(column.as_str()) && object.on_table().as_ref() == Some(old)
                };
                self.live.objects.values().any(|object| is_marked(&object))
                    || findings.without_value.get(&(table.clone(), column.clone())).is_some_and(|rows| *rows > 0)
            }
        }
    }
}

/// What is counted is counted whole, whatever policies there are.
const SETTINGS: [&str; 3] =
    ["SET LOCAL row_security = off", "SET LOCAL extra_float_digits = 1", "SET LOCAL DateStyle = 'ISO, YMD'"];

/// The statement that fills in the rows.
fn filling(table: &ObjectId, link: &Link, rows: u64) -> Statement {
    let (name, column, value) = (table.sql(), quote_name(&link.after.column), trigger::forward(link));
    let left = format!("{column} IS NULL AND ({value}) IS NOT NULL");
    let sql = format!("UPDATE {name} SET {column} = {value} WHERE {left}");
    Statement::Backfill { sql, table: table.clone(), left, rows }
}

/// The change of a table, and the places of its parts about what is kept.
fn place(changes: &[Change], table: &ObjectId) -> (usize, Vec<usize>) {
    let Some(at) = changes.iter().position(|change| change.id() == table) else { return (0, Vec::new()) };
    let parts = match &changes[at] {
        Change::Alter(alteration) => alteration.parts.as_slice(),
        Change::Create(_) | Change::Drop(_) => &[],
    };
    let is_kept = |(_, part): &(usize, &Part)| matches!(part, Part::Kept(_));
    (at, parts.iter().enumerate().filter(is_kept).map(|(at, _)| at).collect())
}

/// Says in the changes what is kept, at the object it is of.
fn note(changes: &mut Vec<Change>, schema: &Schema, kept: &Kept, text: String) {
    let id = match &kept.what {
        What::Column { table, .. } | What::Value { table, .. } | What::Default { table, .. } => table,
        What::Object(id) => id,
    };
    let part = Part::Kept(text);
    if let Some(change) = changes.iter_mut().find(|change| change.id() == id) {
        if let Change::Alter(alteration) = change {
            alteration.parts.push(part);
        }
        return;
    }
    // A view under a table's old name is new itself.
    let Some(object) = schema.get(id).filter(|_| id.kind != Kind::Namespace) else { return };
    let alteration = Alteration { before: object.clone(), after: object.clone(), parts: vec![part] };
    changes.push(Change::Alter(Box::new(alteration)));
}
