//! Questions to the live rows, asked before anything is written: what would be lost, and what does not fit.
//!
//! A probe is a condition on the rows as they are, seen under the names they will have. The probes of one table are
//! asked in a single scan.

use std::collections::{BTreeSet, HashSet};

use super::defaults::{changes_default_alone, reads_default};
use super::dependents::mentioned;
use super::print::main;
use super::token::quote_name;
use super::types::{Affinity, column_affinity};
use crate::diff::{Change, Diff, Part, TableChange};
use crate::planted::{self, Planted};
use crate::schema::{
    Column, Expression, ForeignKey, Index, KeyPart, KeyTerm, Meaning, Origin, Schema, Table, fold, same_name,
};

/// One question.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    /// The place of its change.
    pub change: usize,
    /// The place of its part, where the change has parts.
    pub part: Option<usize>,
    /// What the answer is for.
    pub kind: ProbeKind,
    /// The table asked, by its live name.
    pub table: String,
    /// What is selected from.
    pub relation: String,
    /// Which rows count; none where all do.
    pub condition: Option<String>,
    /// A query for the keys of the first rows that count, where rows can be named.
    pub keys: Option<String>,
    /// Where the cause stands in the declared schema.
    pub origin: Origin,
    /// What is asked where some rows count.
    pub then: Vec<Probe>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProbeKind {
    /// Data that will be gone.
    Loss(String),
    /// Values that a change of type will not keep.
    Altered(String),
    /// Rows without a value for a NOT NULL column, and the column.
    NoValue(String),
    /// Rows that get a value because their column becomes NOT NULL; for information.
    Filled(String),
    /// Numbers under a type of texts, and the column: they become texts where rows are written again.
    AsText(String),
    /// Rows with a value of another kind than the type of its column is of; for what follows.
    Misplaced,
    /// Nothing but whether it can be asked: a value that is not demanded, and is computed all the same.
    Computed,
    /// Rows that may read the old default of a column and not hold it; for the planner.
    Defaulted,
    /// Rows that do not satisfy a constraint, named as in `UNIQUE (mail)`.
    Misfit(String),
}

impl Probe {
    /// The number of rows as a term of a SELECT on the relation.
    pub fn term(&self) -> String {
        match &self.condition {
            None => "count(*)".to_owned(),
            Some(condition) => format!("count(CASE WHEN {condition} THEN 1 END)"),
        }
    }
}

/// The columns by which a person finds a row of `table`: its primary key, or its rowid.
fn key_columns(table: &Table) -> Option<String> {
    let key = primary_key_columns(table);
    if key.is_empty() {
        return table.rowid_name().map(str::to_owned);
    }
    Some(key.iter().map(|c| quote_name(c)).collect::<Vec<_>>().join(", "))
}

/// The table under its new column names: what a SELECT reads from before the renames are done.
pub(crate) fn renamed_relation(change: &TableChange) -> String {
    relation_of(change, &change.before.name)
}

/// The same, of a table that is called `table` by now.
pub(crate) fn relation_of(change: &TableChange, table: &str) -> String {
    let (before, renamed) = (&change.before, &change.renamed);
    // A back-fill may call its table by the name that the table will have.
    let alias = quote_name(&renamed.name);
    if before.columns.iter().zip(&renamed.columns).all(|(b, r)| same_name(&b.name, &r.name)) {
        return format!("{} AS {alias}", main(table));
    }
    let mut columns: Vec<String> = before
        .columns
        .iter()
        .zip(&renamed.columns)
        .map(|(b, r)| format!("{} AS {}", quote_name(&b.name), quote_name(&r.name)))
        .collect();
    if let (Some(rowid), Some(name)) = (before.rowid_name(), renamed.rowid_name()) {
        columns.push(format!("{rowid} AS {name}"));
    }
    format!("(SELECT {} FROM {}) AS {alias}", columns.join(", "), main(table))
}

/// What a row's value in a column will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ValueSource {
    /// What the row has.
    Kept,
    /// What the row has, or else this.
    Filled(String),
    /// A given expression.
    Computed(String),
    /// The row's id.
    Rowid(&'static str),
    /// Nothing is written: the column's default, or NULL.
    Default,
    /// Nothing can be written: the column is generated.
    Generated,
}

/// Where the values of a column come from when its table is rebuilt.
pub(crate) fn value_source(change: &TableChange, column: &Column) -> ValueSource {
    if column.generated.is_some() {
        return ValueSource::Generated;
    }
    let backfill = column.backfill.as_ref().map(|e| format!("({})", e.text()));
    match change.renamed.column(&column.name) {
        Some(old) => {
            let may_be_null = old.not_null.is_none();
            let becomes_not_null = column.not_null.is_some() && may_be_null;
            let becomes_key =
                holds_no_null(&change.after, &column.name) && !holds_no_null(&change.renamed, &old.name) && may_be_null;
            // An id is given by what was said for it, and never by a default: no row changes its key unasked.
            let default = column.default_value().filter(|_| may_be_null && takes_default(change, &column.name));
            let fill = backfill.filter(|_| becomes_not_null || becomes_key);
            match fill.or_else(|| default.map(default_term)) {
                Some(fill) => ValueSource::Filled(fill),
                None => ValueSource::Kept,
            }
        }
        None => {
            // The rows are asked, too, while columns have their old names.
            let rowid = change.renamed.rowid_name().filter(|_| change.before.rowid_name().is_some());
            match (backfill, rowid) {
                (Some(fill), _) => ValueSource::Computed(fill),
                (None, Some(rowid)) if is_alias(&change.after, &column.name) => ValueSource::Rowid(rowid),
                (None, _) => ValueSource::Default,
            }
        }
    }
}

/// Whether a column of a table is its rowid.
pub(crate) fn is_alias(table: &Table, column: &str) -> bool {
    table.rowid_alias().is_some_and(|alias| same_name(&alias.name, column))
}

/// Whether a column holds no NULL because of its key, be it declared NOT NULL or not.
fn holds_no_null(table: &Table, column: &str) -> bool {
    is_alias(table, column) || ((table.without_rowid || table.strict) && table.in_primary_key(column))
}

/// Whether rows that have no value in a column get its default, if it has one.
pub(crate) fn takes_default(change: &TableChange, column: &str) -> bool {
    let is_new = change.renamed.column(column).is_none();
    let takes = |column: &Column| column.backfill.is_none() && (column.not_null.is_some() || is_new);
    change.after.column(column).is_some_and(takes) && !is_alias(&change.after, column)
}

/// A default as a term of an expression.
pub(crate) fn default_term(default: &Expression) -> String {
    // What SQLite reads as a string here would be a name elsewhere.
    if default.meaning().starts_with('\'') { default.meaning().to_owned() } else { format!("({})", default.text()) }
}

/// The probes of all changes.
pub(crate) fn probes(before: &Schema, after: &Schema, diff: &Diff) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (n, change) in diff.changes.iter().enumerate() {
        match change {
            Change::DropTable(table) => probes.push(Probe {
                change: n,
                part: None,
                kind: ProbeKind::Loss(format!("table {}", table.name)),
                table: table.name.clone(),
                relation: main(&table.name),
                condition: None,
                keys: None,
                origin: Origin::default(),
                then: Vec::new(),
            }),
            Change::AlterTable(change) => table_probes(n, change, before, after, diff, &mut probes),
            Change::CreateIndex(index) | Change::AlterIndex { after: index, .. } if index.unique => {
                let is_new = |c: &Change| matches!(c, Change::CreateTable(t) if same_name(&t.name, &index.table));
                let altered = diff.changes.iter().find_map(|c| match c {
                    Change::AlterTable(c) if same_name(&c.after.name, &index.table) => Some(c),
                    _ => None,
                });
                let (table, relation) = match altered {
                    Some(change) => (change.before.name.clone(), Some(change)),
                    None if diff.changes.iter().any(is_new) => continue,
                    None => (index.table.clone(), None),
                };
                if before.table(&table).is_none() {
                    continue;
                }
                let label = format!("UNIQUE index {}", index.name);
                unique_probe(
                    before,
                    n,
                    None,
                    &table,
                    relation.map(|c| &**c),
                    &index.parts,
                    Some(index),
                    label,
                    &mut probes,
                );
            }
            Change::CreateTable(_)
            | Change::CreateVirtualTable(_)
            | Change::DropVirtualTable(_)
            | Change::AlterVirtualTable { .. }
            | Change::CreateIndex(_)
            | Change::DropIndex(_)
            | Change::AlterIndex { .. }
            | Change::CreateView(_)
            | Change::DropView(_)
            | Change::AlterView { .. }
            | Change::CreateTrigger(_)
            | Change::DropTrigger(_)
            | Change::AlterTrigger { .. } => {}
        }
    }
    probes
}

/// The probes of one table, as they come together.
struct TableProbes<'a> {
    change: usize,
    table: &'a str,
    relation: &'a str,
    keys: Option<String>,
    found: Vec<Probe>,
}

impl TableProbes<'_> {
    fn add(&mut self, part: Option<usize>, kind: ProbeKind, condition: Option<String>, origin: &Origin) {
        self.add_on(self.relation, part, kind, condition, origin);
    }

    fn add_on(
        &mut self,
        relation: &str,
        part: Option<usize>,
        kind: ProbeKind,
        condition: Option<String>,
        origin: &Origin,
    ) {
        let keys = self.keys.as_ref().zip(condition.as_ref());
        self.found.push(Probe {
            change: self.change,
            part,
            kind,
            table: self.table.to_owned(),
            relation: relation.to_owned(),
            keys: keys.map(|(keys, condition)| format!("SELECT {keys} FROM {relation} WHERE {condition} LIMIT 20")),
            condition,
            origin: origin.clone(),
            then: Vec::new(),
        });
    }
}

fn table_probes(n: usize, change: &TableChange, before: &Schema, after: &Schema, diff: &Diff, probes: &mut Vec<Probe>) {
    let relation = renamed_relation(change);
    let keys = key_columns(&change.renamed);
    let mut asked = TableProbes { change: n, table: &change.before.name, relation: &relation, keys, found: Vec::new() };
    let mut altered = HashSet::new();
    for (p, part) in change.parts.iter().enumerate() {
        match part {
            Part::DropColumn(column) if column.generated.is_none() => {
                let place = change.before.columns.iter().position(|c| c.name == column.name);
                let name = place.map_or(&column.name, |at| &change.renamed.columns[at].name);
                let what = format!("column {}.{}", change.before.name, column.name);
                asked.add(
                    Some(p),
                    ProbeKind::Loss(what),
                    Some(format!("{} IS NOT NULL", quote_name(name))),
                    &column.origin,
                );
            }
            Part::AddColumn(column) => {
                let given = match value_source(change, column) {
                    ValueSource::Default => column.default_value().map(default_term),
                    ValueSource::Computed(fill) => Some(fill),
                    _ => None,
                };
                if let (true, Some(value)) = (change.after.strict, given) {
                    let condition = format!("{value} IS NOT NULL AND NOT {}", fits_strict(&value, column));
                    let label = format!("type {} of {}", column.declared_type, column.name);
                    asked.add(Some(p), ProbeKind::Misfit(label), Some(condition), &column.origin);
                }
                if column.not_null.is_none()
                    && let ValueSource::Computed(fill) = value_source(change, column)
                {
                    let no_row = format!("{relation} WHERE 0");
                    let is_null = Some(format!("{fill} IS NULL"));
                    asked.add_on(&no_row, Some(p), ProbeKind::Computed, is_null, &column.origin);
                }
                if column.not_null.is_some() {
                    let no_value = ProbeKind::NoValue(column.name.clone());
                    match value_source(change, column) {
                        ValueSource::Default if column.default_value().is_none() => {
                            asked.add(Some(p), no_value, None, &column.origin);
                        }
                        ValueSource::Computed(fill) => {
                            asked.add(Some(p), no_value, Some(format!("{fill} IS NULL")), &column.origin);
                        }
                        _ => {}
                    }
                }
            }
            Part::AlterColumn { before: old, after: new } => {
                altered.insert(fold(&new.name));
                if new.generated.is_some() {
                    if old.generated.is_none() {
                        let what =
                            format!("values of {}.{}, which is computed from now on", change.after.name, new.name);
                        let condition = format!("{} IS NOT NULL", quote_name(&new.name));
                        asked.add(Some(p), ProbeKind::Loss(what), Some(condition), &new.origin);
                    }
                    continue;
                }
                let name = quote_name(&new.name);
                if new.not_null.is_some() && old.not_null.is_none() && !planted::is(Planted::NotNullNotAsked) {
                    let kind = ProbeKind::NoValue(new.name.clone());
                    match value_source(change, new) {
                        ValueSource::Filled(fill) => {
                            let empty = format!("{name} IS NULL AND {fill} IS NULL");
                            asked.add(Some(p), kind, Some(empty), &new.origin);
                            let filled = ProbeKind::Filled(new.name.clone());
                            asked.add(Some(p), filled, Some(format!("{name} IS NULL")), &new.origin);
                        }
                        _ => asked.add(Some(p), kind, Some(format!("{name} IS NULL")), &new.origin),
                    }
                }
                if changes_default_alone(old, new)
                    && let Some(condition) = reads_default(old, column_affinity(&change.before, old))
                {
                    asked.add(Some(p), ProbeKind::Defaulted, Some(condition(&name)), &new.origin);
                }
                conversion_probes(&mut asked, change, Some(p), old, new);
            }
            // ANY keeps values as they are in a STRICT table only: they change either way.
            Part::Strict(_) => {
                for (old, new) in change.kept_columns() {
                    let is_altered = |q: &Part| matches!(q, Part::AlterColumn { after, .. } if after.name == new.name);
                    if new.generated.is_none() && !change.parts.iter().any(is_altered) {
                        conversion_probes(&mut asked, change, Some(p), old, new);
                    }
                }
            }
            Part::AddCheck(check) => {
                if let Some(condition) = check_condition(change, &check.expression) {
                    let label = match &check.name {
                        Some(name) => format!("CHECK {name}"),
                        None => format!("CHECK ({})", check.expression.text()),
                    };
                    let origin = check.at_column.as_ref().and_then(|c| change.after.column(c));
                    let origin = origin.map_or(&change.after.origin, |c| &c.origin).clone();
                    let relation = with_new_columns(change, &relation, &mentioned(&check.expression));
                    asked.add_on(&relation, Some(p), ProbeKind::Misfit(label), Some(condition), &origin);
                }
            }
            Part::AddForeignKey(key) => {
                if let Some(condition) = foreign_key_condition(change, key, before, after, diff) {
                    let label = format!("FOREIGN KEY ({}) REFERENCES {}", key.columns.join(", "), key.parent);
                    let names = key.columns.iter().map(|c| fold(c)).collect();
                    let relation = with_new_columns(change, &relation, &names);
                    asked.add_on(&relation, Some(p), ProbeKind::Misfit(label), Some(condition), &key.origin);
                }
            }
            Part::Rename
            | Part::RenameColumn { .. }
            | Part::DropColumn(_)
            | Part::PrimaryKey { .. }
            | Part::AddUnique(_)
            | Part::DropUnique(_)
            | Part::DropCheck(_)
            | Part::DropForeignKey(_)
            | Part::WithoutRowid(_)
            | Part::ColumnOrder => {}
        }
    }
    key_probes(&mut asked, change);
    probes.append(&mut asked.found);
    // Every key that is new, or whose columns compare differently from now on.
    let touches = |parts: &[KeyPart]| {
        parts.iter().any(|p| matches!(&p.term, KeyTerm::Column(name) if altered.contains(&fold(name))))
    };
    let table = &change.before.name;
    let place = |wanted: &dyn Fn(&Part) -> bool| change.parts.iter().position(wanted);
    if let Some(key) = &change.after.primary_key {
        let part = place(&|p| matches!(p, Part::PrimaryKey { .. }));
        if part.is_some() || touches(&key.columns) {
            let label = format!("PRIMARY KEY of {}", change.after.name);
            unique_probe(before, n, part, table, Some(change), &key.columns, None, label, probes);
        }
    }
    for unique in &change.after.uniques {
        let part = place(&|p| matches!(p, Part::AddUnique(u) if u.meaning() == unique.meaning()));
        if part.is_some() || touches(&unique.columns) {
            let label = format!("UNIQUE ({})", part_names(&unique.columns));
            unique_probe(before, n, part, table, Some(change), &unique.columns, None, label, probes);
        }
    }
    for index in after.indexes.iter().filter(|i| i.unique && same_name(&i.table, &change.after.name)) {
        let changes = |c: &Change| match c {
            Change::CreateIndex(i) | Change::AlterIndex { after: i, .. } => same_name(&i.name, &index.name),
            _ => false,
        };
        if touches(&index.parts) && !diff.changes.iter().any(changes) {
            let label = format!("UNIQUE index {}", index.name);
            unique_probe(before, n, None, table, Some(change), &index.parts, Some(index), label, probes);
        }
    }
}

fn part_names(parts: &[KeyPart]) -> String {
    let name = |p: &KeyPart| match &p.term {
        KeyTerm::Column(name) => name.clone(),
        KeyTerm::Expression(e) => e.text().to_owned(),
    };
    parts.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Whether a value is a whole number, or becomes one without loss.
fn number_fits(name: &str) -> String {
    format!(
        "(typeof({name}) = 'integer' OR (typeof({name}) = 'real' AND CAST({name} AS INTEGER) = {name} \
         AND abs({name}) < 9223372036854775807.0) OR (typeof({name}) = 'text' AND CAST({name} AS NUMERIC) = {name} \
         AND typeof(CAST({name} AS NUMERIC)) = 'integer'))"
    )
}

/// What becomes of rows that are written again though no type changes, by a copy or by an UPDATE of whatever column: SQLite
/// converts what does not fit its column. That is a text in a column of numbers that this version of SQLite takes for a number
/// and another did not, such as one with a NUL behind its digits; and a number in a column of texts, left there by an edit of the
/// catalogue. Nearly always there is neither, and only that is asked; what comes of them is asked where there are some.
///
/// `written` says which rows these are; all of them without it.
pub(crate) fn written_again_probe(n: usize, change: &TableChange, written: Option<&str>) -> Option<Probe> {
    let relation = renamed_relation(change);
    let keys = key_columns(&change.renamed);
    let mut asked = TableProbes { change: n, table: &change.before.name, relation: &relation, keys, found: Vec::new() };
    let of_written = |condition: &str| match written {
        Some(written) => format!("({condition}) AND ({written})"),
        None => condition.to_owned(),
    };
    let part = change.parts.iter().position(|p| !matches!(p, Part::Rename | Part::RenameColumn { .. })).or(Some(0));
    // Numbers are less than texts, and these less than blobs: a comparison costs half of what a call of typeof does. `+` takes
    // the column's affinity away, which would make texts of numbers.
    let mut misplaced = Vec::new();
    for (old, new) in change.kept_columns() {
        let affinity = column_affinity(&change.after, new);
        // An alias of the rowid never holds a text.
        let is_alias = is_alias(&change.before, &old.name);
        if is_alias || new.generated.is_some() || column_affinity(&change.before, old) != affinity {
            continue;
        }
        let name = quote_name(&new.name);
        let exact = ProbeKind::Altered(exact_values(change, new));
        match affinity {
            Affinity::Integer | Affinity::Numeric | Affinity::Real => {
                misplaced.push(format!("+{name} COLLATE BINARY >= '' AND typeof({name}) = 'text'"));
                // `+` takes the column's own affinity away: the comparison then converts as a copy would.
                let target = if affinity == Affinity::Real { "REAL" } else { "NUMERIC" };
                let condition = format!(
                    "typeof({name}) = 'text' AND CAST({name} AS NUMERIC) = +{name} \
                     AND CAST(CAST({name} AS {target}) AS TEXT) COLLATE BINARY IS NOT +{name}"
                );
                asked.add(part, exact, Some(of_written(&condition)), &new.origin);
            }
            Affinity::Text => {
                let condition = format!("typeof({name}) IN ('integer', 'real')");
                asked.add(part, exact, Some(of_written(&inexact_as_text(&name))), &new.origin);
                let as_text = ProbeKind::AsText(new.name.clone());
                asked.add(part, as_text, Some(of_written(&condition)), &new.origin);
                misplaced.push(format!("+{name} COLLATE BINARY < ''"));
            }
            Affinity::Blob => {}
        }
    }
    if misplaced.is_empty() {
        return None;
    }
    let then = std::mem::take(&mut asked.found);
    asked.add(part, ProbeKind::Misplaced, Some(of_written(&misplaced.join(" OR "))), &change.after.origin);
    asked.found.pop().map(|probe| Probe { then, ..probe })
}

/// Keys that allow less than before: an alias of the rowid holds whole numbers and gives a NULL one of its own, and
/// the key of a table WITHOUT ROWID is NOT NULL. No row changes its key unasked.
fn key_probes(asked: &mut TableProbes<'_>, change: &TableChange) {
    let (before, after) = (&change.renamed, &change.after);
    let place = |wanted: &dyn Fn(&Part) -> bool| change.parts.iter().position(wanted);
    let part = |name: &str| {
        let alters = |p: &Part| matches!(p, Part::AlterColumn { after, .. } if same_name(&after.name, name));
        place(&|p| matches!(p, Part::PrimaryKey { .. } | Part::WithoutRowid(_))).or_else(|| place(&alters))
    };
    if let Some(alias) = after.rowid_alias() {
        let was_alias = is_alias(before, &alias.name);
        let name = quote_name(&alias.name);
        let source = value_source(change, alias);
        let value = match &source {
            ValueSource::Kept if !was_alias => Some((name.clone(), true)),
            ValueSource::Filled(fill) if !was_alias => Some((format!("coalesce({name}, {fill})"), true)),
            // The type of a new column is asked for with it.
            ValueSource::Computed(fill) => Some((fill.clone(), !after.strict)),
            _ => None,
        };
        if let Some((value, asks_for_type)) = value {
            let place =
                part(&alias.name).or_else(|| place(&|p| matches!(p, Part::AddColumn(c) if c.name == alias.name)));
            // A value is asked for with NOT NULL, where that is said.
            if alias.not_null.is_none() {
                let no_value = ProbeKind::NoValue(alias.name.clone());
                asked.add(place, no_value, Some(format!("{value} IS NULL")), &alias.origin);
                if matches!(source, ValueSource::Filled(_)) {
                    let filled = ProbeKind::Filled(alias.name.clone());
                    asked.add(place, filled, Some(format!("{name} IS NULL")), &alias.origin);
                }
            }
            if asks_for_type {
                let condition = format!("{value} IS NOT NULL AND NOT {}", number_fits(&value));
                let misfit = ProbeKind::Misfit(format!("INTEGER PRIMARY KEY of {}", after.name));
                asked.add(place, misfit, Some(condition), &alias.origin);
            }
        }
    }
    let key =
        primary_key_columns(after).into_iter().filter(|name| holds_no_null(after, name) && !is_alias(after, name));
    for name in key {
        let Some(column) = after.column(&name) else { continue };
        let no_value = ProbeKind::NoValue(name.clone());
        match (before.column(&name), value_source(change, column)) {
            // What is filled in was asked for with NOT NULL, where that is said.
            (Some(_), ValueSource::Filled(_)) if column.not_null.is_some() => {}
            (Some(_), ValueSource::Filled(fill)) => {
                let empty = format!("{} IS NULL", quote_name(&name));
                asked.add(part(&name), no_value, Some(format!("{empty} AND {fill} IS NULL")), &column.origin);
                asked.add(part(&name), ProbeKind::Filled(name.clone()), Some(empty), &column.origin);
            }
            (Some(_), _) if !holds_no_null(before, &name) => {
                let condition = format!("{} IS NULL", quote_name(&name));
                asked.add(part(&name), no_value, Some(condition), &column.origin);
            }
            (None, ValueSource::Default) if column.default_value().is_none() && column.not_null.is_none() => {
                asked.add(part(&name), no_value, None, &column.origin);
            }
            (None, ValueSource::Computed(fill)) if column.not_null.is_none() => {
                asked.add(part(&name), no_value, Some(format!("{fill} IS NULL")), &column.origin);
            }
            _ => {}
        }
    }
}

/// Whether a value can be stored in a column of a STRICT table, where it is converted only without loss.
fn fits_strict(value: &str, column: &Column) -> String {
    match fold(column.declared_type.trim()).as_str() {
        "int" | "integer" => number_fits(value),
        "real" => format!(
            "(typeof({value}) IN ('integer', 'real') OR (typeof({value}) = 'text' AND CAST({value} AS NUMERIC) = {value}))"
        ),
        "text" => format!("(typeof({value}) <> 'blob')"),
        "blob" => format!("(typeof({value}) = 'blob')"),
        _ => "1".to_owned(),
    }
}

fn conversion_probes(
    asked: &mut TableProbes<'_>,
    change: &TableChange,
    part: Option<usize>,
    old: &Column,
    new: &Column,
) {
    if planted::is(Planted::LossinessNotAsked) {
        return;
    }
    let name = quote_name(&new.name);
    let (from, to) = (column_affinity(&change.before, old), column_affinity(&change.after, new));
    if change.after.strict {
        let fits = fits_strict(&name, new);
        let condition = format!("{name} IS NOT NULL AND NOT {fits}");
        let label = format!("type {} of {}", new.declared_type, new.name);
        asked.add(part, ProbeKind::Misfit(label), Some(condition), &new.origin);
    }
    if from == to && change.before.strict == change.after.strict {
        return;
    }
    // Lost is what does not read back: '007' as 7, 9007199254740993 as a real, 0.1 + 0.2 as a text of 15 digits.
    // COLLATE BINARY, because the column's own collation may call different texts equal.
    let text_as_number = |back: &str| {
        format!(
            "(typeof({name}) = 'text' AND {back} COLLATE BINARY IS NOT +{name} AND CAST({name} AS NUMERIC) = +{name})"
        )
    };
    let condition = match to {
        Affinity::Integer | Affinity::Numeric => text_as_number(&format!("CAST(CAST({name} AS NUMERIC) AS TEXT)")),
        Affinity::Real => format!(
            "({} AND CAST(CAST({name} AS REAL) AS TEXT) COLLATE BINARY IS NOT +{name} || '.0') OR \
             (typeof({name}) = 'integer' AND (abs({name} / 2) > 4611686018427387000 OR \
             CAST(CAST({name} AS REAL) AS INTEGER) IS NOT {name}))",
            text_as_number(&format!("CAST(CAST({name} AS REAL) AS TEXT)"))
        ),
        Affinity::Text => format!("({})", inexact_as_text(&name)),
        Affinity::Blob => return,
    };
    asked.add(part, ProbeKind::Altered(exact_values(change, new)), Some(condition), &new.origin);
}

/// The condition of numbers whose text does not read back as what they are.
fn inexact_as_text(name: &str) -> String {
    format!("typeof({name}) = 'real' AND CAST(CAST({name} AS TEXT) AS REAL) IS NOT +{name}")
}

/// What a conversion that does not read back would lose.
fn exact_values(change: &TableChange, column: &Column) -> String {
    format!("exact values of {}.{} as {}", change.after.name, column.name, shown_type(column))
}

fn shown_type(column: &Column) -> &str {
    if column.declared_type.is_empty() { "no type" } else { &column.declared_type }
}

/// `relation` with the new columns that `names` mention, as far as every row gets the same value in them.
fn with_new_columns(change: &TableChange, relation: &str, names: &BTreeSet<String>) -> String {
    let named = change.after.columns.iter().filter(|c| names.contains(&fold(&c.name)));
    let terms: Vec<_> = named
        .filter(|column| value_source(change, column) == ValueSource::Default)
        .map(|column| {
            let value = column.default_value().map_or_else(|| "NULL".to_owned(), default_term);
            let value = converted(&value, Affinity::Blob, column_affinity(&change.after, column));
            format!("{value} AS {}", quote_name(&column.name))
        })
        .collect();
    if terms.is_empty() {
        relation.to_owned()
    } else {
        format!("(SELECT *, {} FROM {relation}) AS {}", terms.join(", "), quote_name(&change.renamed.name))
    }
}

/// Whether an expression can be evaluated before the change: the columns that it mentions keep their values bit for
/// bit, or are new and get their default.
fn is_known(change: &TableChange, names: impl IntoIterator<Item = String>) -> bool {
    names.into_iter().all(|name| match change.after.column(&name) {
        None => true,
        Some(column) => {
            let kept = change.renamed.column(&name).is_some_and(|old| {
                column_affinity(&change.before, old) == column_affinity(&change.after, column)
                    && old.generated == column.generated
                    && old.effective_collation() == column.effective_collation()
            });
            let source = value_source(change, column);
            (kept && matches!(source, ValueSource::Kept | ValueSource::Generated))
                || (change.renamed.column(&name).is_none() && source == ValueSource::Default)
        }
    })
}

fn check_condition(change: &TableChange, expression: &Expression) -> Option<String> {
    // The canonical form has no qualifiers: it can be evaluated in a subquery.
    is_known(change, mentioned(expression)).then(|| format!("NOT ({})", expression.meaning()))
}

fn foreign_key_condition(
    change: &TableChange,
    key: &ForeignKey,
    before: &Schema,
    after: &Schema,
    diff: &Diff,
) -> Option<String> {
    let is_new = |c: &&String| change.renamed.column(c).is_none();
    if key.columns.iter().filter(is_new).any(|c| {
        change
            .after
            .column(c)
            .is_none_or(|c| matches!(value_source(change, c), ValueSource::Default) && c.default_value().is_none())
    }) {
        // A new column without a value refers to nothing.
        return None;
    }
    if !is_known(change, key.columns.iter().cloned()) {
        return None;
    }
    // Qualified: a name in double quotes that is no column would be taken for a string.
    let child = |c: &String| format!("{}.{}", quote_name(&change.renamed.name), quote_name(c));
    let not_null = key.columns.iter().map(|c| format!("{} IS NOT NULL", child(c))).collect::<Vec<_>>().join(" AND ");
    let Some(parent) = after.table(&key.parent) else {
        return Some(format!("({not_null})"));
    };
    let parent_columns: Vec<String> = match key.parent_columns.as_slice() {
        [] => primary_key_columns(parent),
        list => list.to_vec(),
    };
    let altered = diff.changes.iter().find_map(|c| match c {
        Change::AlterTable(c) if same_name(&c.after.name, &parent.name) => Some(&**c),
        _ => None,
    });
    let relation = match altered {
        Some(c) if is_known(c, parent_columns.iter().cloned()) => renamed_relation(c),
        Some(_) => return None,
        None if before.table(&parent.name).is_some() => main(&parent.name),
        None => return Some(format!("({not_null})")),
    };
    // Inside the subquery the parent's columns would hide the child's: they get names of their own.
    let selected: Vec<_> = parent_columns
        .iter()
        .enumerate()
        .map(|(n, c)| format!("{} AS \"_whimbrel_parent_{n}\"", quote_name(c)))
        .collect();
    let equal: Vec<_> =
        key.columns.iter().enumerate().map(|(n, c)| format!("\"_whimbrel_parent_{n}\" = {}", child(c))).collect();
    if parent_columns.len() != key.columns.len() {
        return None;
    }
    Some(format!(
        "({not_null} AND NOT EXISTS (SELECT 1 FROM (SELECT {} FROM {relation}) WHERE {}))",
        selected.join(", "),
        equal.join(" AND ")
    ))
}

pub(crate) fn primary_key_columns(table: &Table) -> Vec<String> {
    let parts = table.primary_key.iter().flat_map(|k| &k.columns);
    parts
        .filter_map(|p| match &p.term {
            KeyTerm::Column(name) => Some(name.clone()),
            KeyTerm::Expression(_) => None,
        })
        .collect()
}

/// Rows that share their key with another row. The groups are counted in a relation of their own.
#[expect(clippy::too_many_arguments, reason = "the parts of one query; a struct would only rename them")]
fn unique_probe(
    schema: &Schema,
    n: usize,
    part: Option<usize>,
    table: &str,
    change: Option<&TableChange>,
    parts: &[KeyPart],
    index: Option<&Index>,
    label: String,
    probes: &mut Vec<Probe>,
) {
    let relation = change.map_or_else(|| main(table), renamed_relation);
    let mut terms = Vec::new();
    let mut conditions = Vec::new();
    let mut read = BTreeSet::new();
    for part in parts {
        let (mut term, collation) = match &part.term {
            KeyTerm::Column(name) => {
                let column = change.and_then(|c| c.after.column(name));
                let mut term = quote_name(name);
                if let (Some(change), Some(column)) = (change, column) {
                    match value_source(change, column) {
                        ValueSource::Kept => {
                            if let Some(old) = change.renamed.column(name) {
                                let from = column_affinity(&change.before, old);
                                term = converted(&term, from, column_affinity(&change.after, column));
                            }
                        }
                        ValueSource::Filled(fill) => term = format!("coalesce({term}, {fill})"),
                        ValueSource::Computed(fill) => term = fill,
                        ValueSource::Rowid(_) => return,
                        ValueSource::Default => match column.default_value() {
                            // A bare number would be taken for the place of a result column.
                            Some(default) => term = format!("coalesce({}, NULL)", default_term(default)),
                            None => return,
                        },
                        ValueSource::Generated => match &column.generated {
                            Some(g) if is_known(change, mentioned(&g.expression)) => {
                                read.extend(mentioned(&g.expression));
                                term = format!("({})", g.expression.meaning());
                            }
                            _ => return,
                        },
                    }
                }
                (term, part.collation.clone().or_else(|| column.map(Column::effective_collation)))
            }
            KeyTerm::Expression(expression) => {
                if change.is_some_and(|c| !is_known(c, mentioned(expression))) {
                    return;
                }
                read.extend(mentioned(expression));
                (format!("({})", expression.meaning()), part.collation.clone())
            }
        };
        conditions.push(format!("{term} IS NOT NULL"));
        if let Some(collation) = collation.filter(|_| !planted::is(Planted::NoCaseNotAsked)) {
            term = format!("{term} COLLATE {}", quote_name(&collation));
        }
        terms.push(term);
    }
    if let Some(predicate) = index.and_then(|i| i.predicate.as_ref()) {
        if change.is_some_and(|c| !is_known(c, mentioned(predicate))) {
            return;
        }
        read.extend(mentioned(predicate));
        conditions.push(format!("({})", predicate.meaning()));
    }
    let relation = change.map_or(relation.clone(), |change| with_new_columns(change, &relation, &read));
    let (conditions, terms) = (conditions.join(" AND "), terms.join(", "));
    let groups =
        |what: &str| format!("SELECT {what} FROM {relation} WHERE {conditions} GROUP BY {terms} HAVING count(*) > 1");
    let key = change.map(|c| &c.renamed).or_else(|| schema.table(table)).and_then(key_columns);
    // The rows of one group in one line; of a key of several columns the first must do.
    let keys = key.map(|key| groups(&format!("group_concat({})", key.split(", \"").next().unwrap_or_default())));
    probes.push(Probe {
        change: n,
        part,
        kind: ProbeKind::Misfit(label),
        table: table.to_owned(),
        relation: format!("({})", groups("count(*)")),
        condition: None,
        keys: keys.map(|keys| keys + " LIMIT 20"),
        origin: index.map_or_else(|| change.map(|c| c.after.origin.clone()).unwrap_or_default(), |i| i.origin.clone()),
        then: Vec::new(),
    });
}

/// A value as it will be stored under another affinity.
pub(crate) fn converted(term: &str, from: Affinity, to: Affinity) -> String {
    if from == to {
        return term.to_owned();
    }
    let text_to = |target: &str| {
        format!(
            "CASE WHEN typeof({term}) = 'text' AND CAST({term} AS NUMERIC) = {term} THEN CAST({term} AS {target}) ELSE {term} END"
        )
    };
    match to {
        Affinity::Integer | Affinity::Numeric => text_to("NUMERIC"),
        Affinity::Real => text_to("REAL"),
        Affinity::Text => {
            format!("CASE WHEN typeof({term}) IN ('integer', 'real') THEN CAST({term} AS TEXT) ELSE {term} END")
        }
        Affinity::Blob => term.to_owned(),
    }
}
