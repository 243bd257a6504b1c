//! Sequences, and columns that come to count in another way: whatever counts next goes on where the last one was.
//!
//! **Invariant:** a number that is in use, or was given out, is not given out again.

use super::Planner;
use crate::postgres::diff::{Change, Part};
use crate::postgres::print;
use crate::postgres::resolve::ASIDE;
use crate::postgres::schema::{Body, Kind, Numbers, Object, ObjectId, Sequence};
use crate::postgres::steps::{Lock, Statement};
use crate::postgres::token::{quote_literal, quote_name};

impl Planner<'_> {
    /// A column that counts by a sequence comes to count by another of the same name: the counter goes on.
    pub(super) fn make_way_for_counters(&mut self) {
        for (at, change) in self.input.changes.iter().enumerate() {
            let Change::Alter(alteration) = change else { continue };
            let table = &alteration.after.id;
            for part in &alteration.parts {
                let Part::AlterColumn { before, after } = part else { continue };
                let column = quote_name(&after.name);
                match (&before.identity, &after.identity) {
                    (None, Some(_)) if before.default.is_some() => {
                        let sql = format!("ALTER TABLE {} ALTER COLUMN {column} DROP DEFAULT", table.sql());
                        let step = self.step(at, table, format!("drop default of {}", after.name), vec![sql]);
                        let step = self.locking(Lock::AccessExclusive, table, step);
                        self.drops.push(step);
                    }
                    (Some(identity), None) => {
                        let id = ObjectId::new(Kind::Sequence, &table.schema, &identity.sequence);
                        if self.input.target.get(&id).is_some() {
                            let aside = self.free_name(ASIDE, &id);
                            let sql = format!("ALTER SEQUENCE {} RENAME TO {}", id.sql(), quote_name(&aside));
                            let step = self.step(at, &id, "step aside for what takes its name", vec![sql]);
                            self.drops.push(step);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// A column that is there begins to count by a sequence: numbers that are in use, or were given out by the identity
    /// that it was, are not given out again. Before that one goes.
    pub(super) fn go_on_counting(&mut self, object: &Object, change: usize) {
        let Body::Sequence(Sequence { owned_by: Some((table, column)), numbers, .. }) = &object.body else { return };
        let Some(before) = self.input.renamed.table(table).and_then(|t| t.column(column)).cloned() else { return };
        if !is_integer(&before.data_type) {
            return;
        }
        let mut sql = Vec::new();
        let given = before.identity.as_ref().map(|identity| {
            let id = ObjectId::new(Kind::Sequence, &table.schema, &identity.sequence);
            self.moved_aside(&id)
        });
        if given.is_some() || self.has_rows(table) {
            sql.push(count_on(&object.id.sql(), numbers, (&table.sql(), column), given.as_deref()));
        }
        let live = self.input.live.table(&self.old_id(table)).and_then(|t| t.column(self.old_member(table, column)));
        if let Some(identity) = live.and_then(|column| column.identity.as_ref()) {
            let on = format!("SEQUENCE {}", object.id.sql());
            sql.extend(identity.rights.grants.iter().map(|right| print::grant(right, None, &on)));
        }
        if !sql.is_empty() {
            let step = self.step(change, &object.id, "go on counting", sql);
            self.body.push(step);
        }
    }

    pub(super) fn alter_sequence(&mut self, id: &ObjectId, before: &Sequence, after: &Sequence, change: usize) {
        let mut sql = Vec::new();
        if before.numbers != after.numbers {
            sql.extend(start_within(&id.sql(), &before.numbers, &after.numbers, false));
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

    /// The sequence that a column counted by.
    pub(super) fn counter_of(&self, table: &ObjectId, column: &str) -> Option<ObjectId> {
        let is_it =
            |sequence: &Sequence| sequence.owned_by.as_ref().is_some_and(|(owner, of)| owner == table && of == column);
        let mut found = self.input.renamed.objects.values().filter(|object| match &object.body {
            Body::Sequence(sequence) => is_it(sequence) && self.input.target.get(&object.id).is_none(),
            _ => false,
        });
        found.next().map(|object| object.id.clone())
    }

    /// The name in SQL of a sequence that may have stepped aside.
    pub(super) fn moved_aside(&self, id: &ObjectId) -> String {
        let aside = ObjectId { name: self.free_name(ASIDE, id), ..id.clone() };
        let moved = format!(" RENAME TO {}", quote_name(&aside.name));
        let start = format!("ALTER SEQUENCE {} ", id.sql());
        let mut statements = self.drops.iter().flat_map(|step| &step.statements).map(Statement::sql);
        let is_aside = statements.any(|sql| sql.starts_with(&start) && sql.ends_with(&moved));
        if is_aside { aside.sql() } else { id.sql() }
    }
}

/// The statements that have a sequence which has given out nothing start within the bounds that it gets: PostgreSQL refuses
/// bounds that leave out what comes next. Nothing where the old start is within.
///
/// The first widens the bounds. By that the second can be rolled back too, which alone it could not. The sequence of an
/// identity column has the type of its column by then.
pub(super) fn start_within(sequence: &str, before: &Numbers, after: &Numbers, of_identity: bool) -> Vec<String> {
    if (after.min..=after.max).contains(&before.start) {
        return Vec::new();
    }
    let wider = [before, after].into_iter().max_by_key(|numbers| limits(&numbers.data_type).1).unwrap_or(after);
    let (lowest, highest) = limits(if of_identity { &after.data_type } else { &wider.data_type });
    let (min, max) = (before.min.min(after.min).max(lowest), before.max.max(after.max).min(highest));
    let data_type = if of_identity { String::new() } else { format!(" AS {}", wider.data_type) };
    vec![
        format!("ALTER SEQUENCE {sequence}{data_type} MINVALUE {min} MAXVALUE {max}"),
        format!(
            "SELECT pg_catalog.setval({}, {}, false) FROM {sequence} WHERE NOT is_called \
             AND last_value NOT BETWEEN {} AND {}",
            quote_literal(sequence),
            after.start,
            after.min,
            after.max
        ),
    ]
}

/// The lowest and the highest number of a type.
fn limits(data_type: &str) -> (i64, i64) {
    match data_type {
        "smallint" => (i16::MIN.into(), i16::MAX.into()),
        "integer" => (i32::MIN.into(), i32::MAX.into()),
        _ => (i64::MIN, i64::MAX),
    }
}

/// Whether sequences count in a type.
pub fn is_integer(data_type: &str) -> bool {
    matches!(data_type, "smallint" | "integer" | "bigint")
}

/// The statement that has a sequence go on behind the numbers in a column, and those that another one has given out.
pub(super) fn count_on(
    sequence: &str,
    numbers: &Numbers,
    (table, column): (&str, &str),
    given: Option<&str>,
) -> String {
    let within = match numbers.increment < 0 {
        true => format!("<= {}", numbers.max),
        false => format!(">= {}", numbers.min),
    };
    format!(
        "SELECT pg_catalog.setval({}, m.last) FROM {} WHERE m.last {within}",
        quote_literal(sequence),
        last_number(numbers, (table, column), given),
    )
}

/// The question whether that number is one that the sequence cannot be set to.
pub fn counted_beyond(numbers: &Numbers, (table, column): (&str, &str), given: Option<&str>) -> String {
    let beyond = match numbers.increment < 0 {
        true => format!("< {}", numbers.min),
        false => format!("> {}", numbers.max),
    };
    format!("SELECT count(*) FROM {} WHERE m.last {beyond}", last_number(numbers, (table, column), given))
}

/// The last number in a column, or that another sequence has given out, as a relation. One that counts down goes on below the
/// lowest.
fn last_number(numbers: &Numbers, (table, column): (&str, &str), given: Option<&str>) -> String {
    let last = if numbers.increment < 0 { "min" } else { "max" };
    let quoted = quote_name(column);
    let given = given.map(|old| format!(" UNION ALL SELECT last_value FROM {old} WHERE is_called")).unwrap_or_default();
    format!("(SELECT {last}(n) AS last FROM (SELECT {last}({quoted}) AS n FROM {table}{given}) given) m")
}
