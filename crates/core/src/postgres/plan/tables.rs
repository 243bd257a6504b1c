//! Changes of tables and their columns.
//!
//! Several changes of type write a table once. Values come in portions where others use the table, and NOT NULL is proved
//! by a check that is validated while they write.

use super::Planner;
use super::counters::{count_on, start_within};
use super::types::holding;
use super::values::{altered_rows, cast, keeps_its_bytes, may_differ_by_row};
use crate::plan::Hazard;
use crate::postgres::diff::{Alteration, Part};
use crate::postgres::print;
use crate::postgres::resolve::shortened;
use crate::postgres::schema::{Body, Column, Kind, Object, ObjectId, Table};
use crate::postgres::steps::{Lock, Statement, Step};
use crate::postgres::token::quote_name;

const MARK: &str = "_whimbrel_fill_";

impl Planner<'_> {
    /// Whether a table that inherits a column keeps it when its parent's goes.
    fn child_keeps(&self, parent: &ObjectId, column: &str) -> bool {
        let mut children = self.input.renamed.tables().filter(|(_, table)| table.inherits.contains(parent));
        children.any(|(id, _)| self.input.target.table(id).is_some_and(|table| table.column(column).is_some()))
    }

    pub(super) fn alter_table(&mut self, alteration: &Alteration, before: &Table, after: &Table, change: usize) {
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
                    let known = self.shown_member(&id, &column.name).to_owned();
                    let mut step = self.step(change, &id, format!("drop column {known}"), vec![sql]);
                    step.parts = vec![at];
                    let lost = self.input.findings.lost.get(&(id.clone(), Some(column.name.clone()))).copied();
                    if let Some(rows) = lost.filter(|rows| *rows > 0) {
                        let what = format!("column {}.{known}", id.shown());
                        step.hazards.push(Hazard::DataLoss { what, rows });
                    } else if column.generated.is_none()
                        && !self.input.findings.copied.contains(&(id.clone(), column.name.clone()))
                    {
                        let held = quote_name(&column.name);
                        let check =
                            format!("SELECT count(*) FROM (SELECT 1 FROM {name} WHERE {held} IS NOT NULL LIMIT 1) r");
                        self.guard(&mut step, &id, check, "values came into the column that is dropped");
                        self.guard_holders(&mut step, &id, &column.name);
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
        // Where rows of the table are values elsewhere, PostgreSQL adds columns without a value only.
        let is_held = column.generated.is_none() && !holding(self.input.renamed, id).is_empty();
        let late_value = backfill.clone().or_else(|| {
            // Rows get their value afterwards, where PostgreSQL would write the whole table under a lock.
            column.default.clone().filter(|_| (is_volatile && self.is_live(id)) || is_held)
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
            (Some(_), false) if is_held => {
                let bare = Column { not_null: false, default: None, comment: None, ..column.clone() };
                sql.push(format!("ALTER TABLE {name} ADD COLUMN {}", print::column(&bare, &id.schema)));
                if let Some(default) = &column.default {
                    sql.push(format!("ALTER TABLE {name} ALTER COLUMN {quoted} SET DEFAULT {default}"));
                }
                if column.not_null {
                    sql.push(format!("ALTER TABLE {name} ALTER COLUMN {quoted} SET NOT NULL"));
                }
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
    pub(super) fn unfilled(&self, mark: &Object) -> Option<(String, String)> {
        let column = marked_column(mark)?;
        let table = mark.id.table_id();
        let after = self.input.target.table(&table)?.column(column)?;
        let value = value_left(after, self.input.findings.backfills.get(&(table, column.to_owned())))?;
        (!after.not_null).then(|| (column.to_owned(), value))
    }

    pub(super) fn drop_mark(&mut self, table: &ObjectId, mark: &str, column: &str, change: usize) {
        let sql = format!("ALTER TABLE {} DROP CONSTRAINT {}", table.sql(), quote_name(mark));
        let step = self.step(change, table, format!("{column} is filled in"), vec![sql]);
        let step = self.locking(Lock::AccessExclusive, table, step);
        self.finish.push(step);
    }

    /// Gives rows that are NULL a value, some at a time.
    pub(super) fn backfill(
        &mut self,
        id: &ObjectId,
        column: &str,
        value: &str,
        rows: u64,
        change: usize,
        part: Option<usize>,
    ) {
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
            // Triggers fire.
            step.calls = true;
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
            let step = self.reading(Lock::AccessExclusive, id, step);
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
        if self.generated.contains_key(&(id.clone(), after.name.clone())) {
            return;
        }
        let name = id.sql();
        let quoted = quote_name(&after.name);
        let alter = |action: &str| format!("ALTER TABLE {name} ALTER COLUMN {quoted} {action}");
        let mut sql = Vec::new();
        let converted = changes_type(before, after) && before.generated.is_none() && after.generated.is_none();
        if before.generated.is_some() && after.generated.is_none() {
            sql.push(alter("DROP EXPRESSION"));
        }
        match (&before.identity, &after.identity) {
            (Some(_), None) => sql.push(alter("DROP IDENTITY")),
            (None, Some(_)) if before.default.is_some() => {}
            (Some(b), Some(a)) if b != a => {
                let always = if a.always { "ALWAYS" } else { "BY DEFAULT" };
                let numbers = &a.numbers;
                let cycle = if numbers.cycle { "SET CYCLE" } else { "SET NO CYCLE" };
                let sequence = format!("{}.{}", quote_name(&id.schema), quote_name(&b.sequence));
                sql.extend(start_within(&sequence, &b.numbers, numbers, true));
                sql.push(alter(&format!(
                    "SET GENERATED {always} SET START WITH {} SET INCREMENT BY {} SET MINVALUE {} SET MAXVALUE {} \
                     SET CACHE {} {cycle}",
                    numbers.start, numbers.increment, numbers.min, numbers.max, numbers.cache
                )));
            }
            _ => {}
        }
        let is_text = self.freed.contains_key(&(id.clone(), after.name.clone()));
        if before.default != after.default
            && !is_text
            && !converted
            && after.generated.is_none()
            && before.generated.is_none()
        {
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
            let counted = self.counter_of(id, &after.name);
            let given = counted.as_ref().map(|old| self.moved_aside(old));
            sql.push(count_on(&sequence, &identity.numbers, (&name, &after.name), given.as_deref()));
            let on = format!("SEQUENCE {sequence}");
            let rights = counted.map(|old| self.rights_of(&old)).unwrap_or_default();
            sql.extend(rights.grants.iter().map(|right| print::grant(right, None, &on)));
        }
        sql.extend(print::column_settings(&name, before, after));
        if before.comment != after.comment {
            sql.push(print::column_comment(&name, &after.name, after.comment.as_ref()));
        }
        if !sql.is_empty() {
            let mut step = self.step(change, id, format!("change column {}", after.name), sql);
            step.parts = vec![part];
            let step = self.locking(Lock::AccessExclusive, id, step);
            self.body.push(step);
        }
        if !before.not_null && after.not_null && after.identity.is_none() {
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

pub(super) fn changes_type(before: &Column, after: &Column) -> bool {
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

/// The name of the check that proves NOT NULL.
pub fn proof_name(column: &str) -> String {
    shortened("_whimbrel_not_null_", column)
}

/// The name of the check that marks a column which is being filled in and may stay NULL.
fn mark_name(column: &str) -> String {
    shortened(MARK, column)
}

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
