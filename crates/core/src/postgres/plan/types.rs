//! Changes of enums, domains and composite types, and who holds values of them.
//!
//! PostgreSQL adds and renames labels of an enum, and can neither remove nor move one: then the type is made anew, with
//! all that is made of it, and every column goes over.

use std::collections::BTreeSet;

use super::Planner;
use crate::plan::{Hazard, Strategy};
use crate::postgres::diff::{Alteration, Part};
use crate::postgres::print;
use crate::postgres::resolve::ASIDE;
use crate::postgres::schema::{Attribute, Column, Domain, Kind, Object, ObjectId, Schema};
use crate::postgres::steps::{Lock, Step};
use crate::postgres::token::{quote_literal, quote_name};

impl Planner<'_> {
    pub(super) fn alter_composite(&mut self, id: &ObjectId, before: &[Attribute], after: &[Attribute], change: usize) {
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
                if lost.is_none() {
                    self.guard_holders(&mut step, id, &old.name);
                }
                if let Some(rows) = lost.filter(|rows| *rows > 0) {
                    let what = format!("attribute {}.{}", id.shown(), self.shown_member(id, &old.name));
                    step.hazards.push(Hazard::DataLoss { what, rows });
                }
            }
            self.push(id, step);
        }
    }

    /// What is dropped out of a type may be held in columns of other tables: these are asked once more.
    pub(super) fn guard_holders(&self, step: &mut Step, of: &ObjectId, member: &str) {
        for (table, held) in holders(self.input.renamed, of, member) {
            let check = format!("SELECT count(*) FROM (SELECT 1 FROM {} WHERE {held} LIMIT 1) r", table.sql());
            self.guard(step, &table, check, "values came into what is dropped of their type");
        }
    }

    pub(super) fn alter_domain(&mut self, id: &ObjectId, before: &Domain, after: &Domain, change: usize) {
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

    pub(super) fn alter_enum(&mut self, alteration: &Alteration, change: usize) {
        let id = &alteration.after.id;
        // New labels come before the type and its labels get other names.
        let name = self.old_id(id).sql();
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
                Part::RemakeEnum { gone } => self.remake_enum(id, gone, change, at),
                _ => {}
            }
        }
    }

    /// Makes an enum anew, with the types that are made of it: the old ones step aside, the new ones take their names,
    /// and every column goes over.
    fn remake_enum(&mut self, id: &ObjectId, gone: &[(String, Option<String>)], change: usize, part: usize) {
        let types = self.made_of(id);
        let mut sql = Vec::new();
        let mut drops = Vec::new();
        for old in types.iter().filter_map(|id| self.input.renamed.get(id)) {
            let aside = ObjectId { name: self.free_name(ASIDE, &old.id), ..old.id.clone() };
            sql.push(format!("ALTER {} RENAME TO {}", print::named(old), quote_name(&aside.name)));
            drops.push(print::drop(&Object { id: aside, ..old.clone() }));
        }
        for new in types.iter().filter_map(|id| self.input.target.get(id)) {
            sql.extend(print::create(self.input.target, new));
            sql.extend(print::rights(new, &self.rights_of(&new.id)));
        }
        let mapped: Vec<(&String, &String)> = gone.iter().filter_map(|(from, to)| Some((from, to.as_ref()?))).collect();
        let (mut rows, mut tables) = (0, Vec::new());
        for (table_id, table) in self.input.renamed.tables() {
            // Partitions and children follow their parents.
            if table.partition_of.is_some() {
                continue;
            }
            let mut actions = Vec::new();
            for column in table.columns.iter().filter(|c| c.local && c.generated.is_none()) {
                let of = column.data_type.trim_end_matches("[]");
                let target = self.input.target.table(table_id).and_then(|t| t.column(&column.name));
                let stays = target.is_some_and(|t| t.data_type == column.data_type);
                let Some(kind) = types.iter().find(|id| id.sql() == of).map(|id| id.kind).filter(|_| stays) else {
                    continue;
                };
                let name = quote_name(&column.name);
                let is_array = of.len() < column.data_type.len();
                if kind == Kind::Composite && !mapped.is_empty() {
                    let what = format!("values in {}.{} cannot be mapped", table_id.shown(), column.name);
                    self.unsupported(id, what);
                    continue;
                }
                let using = match (is_array, mapped.is_empty()) {
                    (_, true) => format!("{name}::text"),
                    (true, false) => mapped.iter().fold(format!("{name}::text[]"), |array, (from, to)| {
                        format!("array_replace({array}, {}, {})", quote_literal(from), quote_literal(to))
                    }),
                    (false, false) => {
                        let when = |(from, to): &(&String, &String)| {
                            format!(" WHEN {} THEN {}", quote_literal(from), quote_literal(to))
                        };
                        let cases: String = mapped.iter().map(when).collect();
                        format!("(CASE {name}::text{cases} ELSE {name}::text END)")
                    }
                };
                if column.default.is_some() {
                    actions.push(format!("ALTER COLUMN {name} DROP DEFAULT"));
                }
                actions.push(format!("ALTER COLUMN {name} TYPE {0} USING {using}::{0}", column.data_type));
                if let Some(default) = target.and_then(|t| t.default.as_ref()) {
                    actions.push(format!("ALTER COLUMN {name} SET DEFAULT {default}"));
                }
            }
            if !actions.is_empty() {
                sql.push(format!("ALTER TABLE {} {}", table_id.sql(), actions.join(", ")));
                rows += self.facts(table_id).rows;
                tables.push(table_id.clone());
            }
        }
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
        drops.reverse();
        let step = self.step(change, id, "drop the old type", drops);
        self.late_drops.push(step);
    }

    /// An enum and the types that are made of it, each behind what it is made of.
    pub(super) fn made_of(&self, id: &ObjectId) -> Vec<ObjectId> {
        let mut out = vec![id.clone()];
        loop {
            let count = out.len();
            for (other, object) in &self.input.renamed.objects {
                let is_type = matches!(other.kind, Kind::Domain | Kind::Composite);
                if is_type
                    && !out.contains(other)
                    && self.input.target.get(other).is_some()
                    && object.needs.iter().any(|need| out.contains(&need.on))
                {
                    out.push(other.clone());
                }
            }
            if out.len() == count {
                return out;
            }
        }
    }
}

/// Tables with values of a type, a composite one or that of a table's rows, and the condition by which a row may hold
/// something in one of its attributes.
pub fn holders(schema: &Schema, of: &ObjectId, member: &str) -> Vec<(ObjectId, String)> {
    let held = |(id, column): (ObjectId, &Column)| {
        let name = quote_name(&column.name);
        let held = match column.data_type == of.sql() {
            true => format!("({name}).{} IS NOT NULL", quote_name(member)),
            false => format!("{name} IS NOT NULL"),
        };
        (id, held)
    };
    holding(schema, of).into_iter().map(held).collect()
}

/// The columns of other tables that hold values of a type, or of that of a table's rows. Those of partitions go with
/// their parents'.
pub(super) fn holding<'s>(schema: &'s Schema, of: &ObjectId) -> Vec<(ObjectId, &'s Column)> {
    let mut out = Vec::new();
    for (id, table) in schema.tables().filter(|(id, table)| table.partition_of.is_none() && *id != of) {
        // Whatever lies between, an array or another composite type: what holds the type may hold the attribute.
        let uses = schema.get(id).into_iter().flat_map(|object| &object.needs);
        let columns: BTreeSet<&String> =
            uses.filter(|need| reaches(schema, &need.on, of)).filter_map(|need| need.of.as_ref()).collect();
        out.extend(columns.into_iter().filter_map(|name| Some((id.clone(), table.column(name)?))));
    }
    out
}

/// Whether a type, or that of a table's rows, is another, or is made of it.
fn reaches(schema: &Schema, from: &ObjectId, to: &ObjectId) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        if id == to {
            return true;
        }
        let is_table = id.kind == Kind::Table;
        if !seen.insert(id) || !(is_table || matches!(id.kind, Kind::Composite | Kind::Domain | Kind::Range)) {
            continue;
        }
        let needs = schema.get(id).into_iter().flat_map(|object| &object.needs);
        open.extend(needs.filter(|need| !is_table || need.of.is_some()).map(|need| &need.on));
    }
    false
}

/// The statements that rename the type of several ranges, where two definitions of a range type differ in nothing else.
pub(super) fn multiranges(before: &str, after: &str) -> Option<Vec<String>> {
    let split = |definition: &str| -> Option<(String, String, String)> {
        let (range, of_several) = definition.strip_suffix(')')?.split_once(", multirange_type_name = ")?;
        let (schema, name) = of_several.split_once('.').filter(|_| !of_several.contains('"'))?;
        Some((range.to_owned(), schema.to_owned(), name.to_owned()))
    };
    let ((range, old_schema, old), (new_range, schema, new)) = (split(before)?, split(after)?);
    (range == new_range).then_some(())?;
    let mut sql = Vec::new();
    if old != new {
        sql.push(format!("ALTER TYPE {old_schema}.{old} RENAME TO {new}"));
    }
    if old_schema != schema {
        sql.push(format!("ALTER TYPE {old_schema}.{new} SET SCHEMA {schema}"));
    }
    Some(sql)
}
