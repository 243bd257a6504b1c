//! The rows that there must be after a change, worked out from those before and the two schemas, without SQL.
//!
//! It also says what keeps the change from being made: rows that do not fit, and what would be lost.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, Result};
use whimbrel_oracle::affinity::{Affinity, affinity, stored_as};
use whimbrel_oracle::{Cell, quoted};

use super::model::{Collation, Column, Computed, ForeignKey, Id, Rule, Schema, Search, Table, Value};

/// A row: its id where it has one that can be read, and its values.
pub type Row = (Option<i64>, Vec<Cell>);

/// The rows of each table, in the order of their ids, else of their values.
pub type Rows = BTreeMap<Id, Vec<Row>>;

/// What stands for the time at which a row is written.
const NOW: &[u8] = b"\0now";

/// Why a change cannot be made as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Something would be lost, or altered, and that was not accepted.
    Loss,
    /// A NOT NULL column has no value.
    NoValue,
    /// Rows do not fit a type or a constraint.
    Misfit,
    /// Rows would have no parent.
    Orphans,
}

/// What a change must come to.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// The rows after it.
    pub rows: Rows,
    /// The tables whose rows get ids that nobody can know.
    pub any_rowid: HashSet<Id>,
    /// What keeps it from being made.
    pub reasons: Vec<Reason>,
    /// What keeps it from being made where no loss is accepted.
    pub losses: Vec<Reason>,
}

/// Reads the rows of a schema's tables and full-text tables.
///
/// # Errors
/// Where SQLite cannot.
pub fn read(conn: &Connection, schema: &Schema) -> Result<Rows> {
    let mut out = Rows::new();
    let tables = schema.tables.iter().map(|table| {
        let columns: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
        (table.id, &table.name, table.rowid_name(), columns)
    });
    let own = schema.searches.iter().filter(|search| search.of.is_none());
    let texts = own.map(|s| (s.id, &s.name, Some("rowid"), vec!["title".to_owned(), "body".to_owned()]));
    for (id, name, rowid, columns) in tables.chain(texts) {
        let columns = columns.join(", ");
        let sql = format!("SELECT {}, {columns} FROM main.{}", rowid.unwrap_or("NULL"), quoted(name));
        let mut statement = conn.prepare(&sql)?;
        let width = statement.column_count();
        let mut found = statement.query([])?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let cells: Result<Vec<Cell>> = (1..width).map(|n| row.get_ref(n).map(Cell::from)).collect();
            rows.push((row.get(0)?, cells?));
        }
        rows.sort();
        out.insert(id, rows);
    }
    Ok(out)
}

/// What becomes of rows.
pub fn expected(from: &Schema, rows: &Rows, to: &Schema) -> Expected {
    let mut out = Expected::default();
    // A table or a column that goes is a loss though it is empty: it may not be the app's.
    let tables_gone = from.tables.iter().any(|table| to.table(table.id).is_none());
    let is_gone = |search: &Search| to.searches.iter().all(|other| other.id != search.id);
    let searches_gone = from.searches.iter().any(|search| search.of.is_none() && is_gone(search));
    if tables_gone || searches_gone {
        out.losses.push(Reason::Loss);
    }
    for search in to.searches.iter().filter(|search| search.of.is_none()) {
        out.rows.insert(search.id, rows.get(&search.id).cloned().unwrap_or_default());
    }
    for table in &to.tables {
        let converted = match from.table(table.id) {
            Some(old) => table_after(old, rows.get(&table.id).map_or(&[], Vec::as_slice), table, &mut out),
            None => Vec::new(),
        };
        out.rows.insert(table.id, converted);
    }
    if has_orphans(to, &out.rows) && !has_orphans(from, rows) {
        out.reasons.push(Reason::Orphans);
    }
    out
}

fn table_after(old: &Table, rows: &[Row], new: &Table, out: &mut Expected) -> Vec<Row> {
    let alias = new.alias();
    let became_strict = old.strict != new.strict;
    for column in old.columns.iter().filter(|column| column.generated.is_none()) {
        if new.column(column.id).is_none_or(|new| new.generated.is_some()) {
            out.losses.push(Reason::Loss);
        }
    }
    let mut all = Vec::new();
    for (rowid, cells) in rows {
        let mut row: Vec<Cell> = Vec::new();
        for column in &new.columns {
            let source = old.place(column.id).zip(old.column(column.id));
            let value = match source {
                _ if column.generated.is_some() => Cell::Null,
                // A row without an id gets none from a default: no row changes its key unasked.
                Some((place, before)) if cells[place] == Cell::Null && becomes_key(before, old, new) => {
                    let takes_default = column.not_null.is_some() && alias != Some(column.id);
                    match filled_from(column, old).is_some() || takes_default {
                        true => value_without_one(column, old, cells, new, out),
                        false => Cell::Null,
                    }
                }
                Some((place, before)) => {
                    let value = kept_value(&cells[place], before, column, new, became_strict, out);
                    match value {
                        None => value_without_one(column, old, cells, new, out),
                        Some(value) => value,
                    }
                }
                None if alias == Some(column.id) && filled_from(column, old).is_none() => {
                    rowid.map_or(Cell::Null, Cell::Integer)
                }
                None => value_without_one(column, old, cells, new, out),
            };
            let is_missing = value == Cell::Null && column.generated.is_none();
            // A row without an id gets one; what was said to become its id has to be one.
            let is_given = source.is_some() || filled_from(column, old).is_some();
            let needs_value = match alias == Some(column.id) {
                true => is_given,
                false => column.not_null.is_some() || (new.in_key(column.id) && (new.without_rowid || new.strict)),
            };
            if is_missing && needs_value {
                out.reasons.push(Reason::NoValue);
            }
            if alias == Some(column.id) && !matches!(value, Cell::Integer(_) | Cell::Null) {
                out.reasons.push(Reason::Misfit);
            }
            row.push(value);
        }
        for (place, column) in new.columns.iter().enumerate() {
            if let Some(generated) = &column.generated {
                let value = computed(&generated.expression, new, &row);
                row[place] = stored_as(&value, column.declared, new.strict).unwrap_or(value);
            }
        }
        if new.checks.iter().any(|check| !holds(&check.rule, new, &row)) {
            out.reasons.push(Reason::Misfit);
        }
        let rowid = match alias.and_then(|id| new.place(id)).map(|place| &row[place]) {
            Some(Cell::Integer(n)) => Some(*n),
            Some(_) => None,
            None => *rowid,
        };
        all.push((rowid.filter(|_| new.rowid_name().is_some()), row));
    }
    let has_source = |id: Id| old.column(id).is_some();
    if old.rowid_name().is_none() && alias.is_none_or(|alias| !has_source(alias)) {
        out.any_rowid.insert(new.id);
        all.iter_mut().for_each(|(rowid, _)| *rowid = None);
    }
    if has_duplicates(new, &all) {
        out.reasons.push(Reason::Misfit);
    }
    all.sort();
    all
}

/// Whether a column holds no NULL from now on because of its key, be it declared NOT NULL or not.
fn becomes_key(column: &Column, old: &Table, new: &Table) -> bool {
    let is_in = |table: &Table| {
        table.alias() == Some(column.id) || (table.in_key(column.id) && (table.without_rowid || table.strict))
    };
    column.not_null.is_none() && is_in(new) && !is_in(old)
}

fn kept_value(
    value: &Cell,
    old: &Column,
    new: &Column,
    table: &Table,
    became_strict: bool,
    out: &mut Expected,
) -> Option<Cell> {
    if *value == Cell::Null && new.not_null.is_some() && old.not_null.is_none() {
        return None;
    }
    let Some(stored) = stored_as(value, new.declared, table.strict) else {
        out.reasons.push(Reason::Misfit);
        return Some(value.clone());
    };
    let changes = became_strict || affinity(old.declared, table.strict) != affinity(new.declared, table.strict);
    if changes && is_lossy(value, &stored) {
        out.losses.push(Reason::Loss);
    }
    Some(stored)
}

/// The place of the old column that a row's value comes from where it has none.
fn filled_from(column: &Column, old: &Table) -> Option<usize> {
    column.fill.and_then(|id| old.place(id))
}

/// What a row gets that has no value: that of another column, or the default.
fn value_without_one(column: &Column, old: &Table, cells: &[Cell], table: &Table, out: &mut Expected) -> Cell {
    let Some(place) = filled_from(column, old) else {
        return default_value(column, table, out);
    };
    stored_as(&cells[place], column.declared, table.strict).unwrap_or_else(|| {
        out.reasons.push(Reason::Misfit);
        cells[place].clone()
    })
}

/// Whether the stored value does not read back as what it was.
fn is_lossy(value: &Cell, stored: &Cell) -> bool {
    match (value, stored) {
        (Cell::Text(text), Cell::Integer(_)) => stored_as(stored, "TEXT", false) != Some(Cell::Text(text.clone())),
        (Cell::Text(text), Cell::Real(_)) => {
            let written = stored_as(stored, "TEXT", false);
            let with_point = [text.as_slice(), b".0"].concat();
            written != Some(Cell::Text(text.clone())) && written != Some(Cell::Text(with_point))
        }
        // Near the largest numbers SQLite cannot be asked, and what cannot be told is taken for lost.
        (Cell::Integer(n), Cell::Real(bits)) => {
            f64::from_bits(*bits) as i128 != i128::from(*n) || n.unsigned_abs() > 9_223_372_036_854_774_000
        }
        (Cell::Real(bits), Cell::Text(text)) => {
            std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) != Some(f64::from_bits(*bits))
                || f64::from_bits(*bits).is_infinite()
        }
        _ => false,
    }
}

fn default_value(column: &Column, table: &Table, out: &mut Expected) -> Cell {
    let value = match column.default {
        Value::None | Value::Null => Cell::Null,
        Value::Integer(n) => Cell::Integer(n),
        Value::Real(n) => Cell::Real(n.to_bits()),
        Value::Text(text) => Cell::Text(text.into()),
        Value::Blob(text) => Cell::Blob(text.into()),
        Value::True => Cell::Integer(1),
        Value::Expression => Cell::Integer(42),
        Value::Now => Cell::Text(NOW.to_vec()),
    };
    if value == Cell::Text(NOW.to_vec()) && (!table.strict || matches!(column.declared, "TEXT" | "ANY")) {
        return value;
    }
    stored_as(&value, column.declared, table.strict).unwrap_or_else(|| {
        out.reasons.push(Reason::Misfit);
        value
    })
}

fn value_of<'r>(id: Id, table: &Table, row: &'r [Cell]) -> &'r Cell {
    table.place(id).map_or(&Cell::Null, |place| &row[place])
}

fn type_of(cell: &Cell) -> &'static str {
    match cell {
        Cell::Null => "null",
        Cell::Integer(_) => "integer",
        Cell::Real(_) => "real",
        Cell::Text(_) => "text",
        Cell::Blob(_) => "blob",
    }
}

fn computed(expression: &Computed, table: &Table, row: &[Cell]) -> Cell {
    let value = value_of(expression.reads(), table, row);
    match expression {
        Computed::Copy(_) => value.clone(),
        Computed::TypeOf(_) => Cell::Text(type_of(value).into()),
        Computed::OrSeven(_) if *value == Cell::Null => Cell::Integer(7),
        Computed::OrSeven(_) => value.clone(),
        Computed::IsNull(_) => Cell::Integer(i64::from(*value == Cell::Null)),
    }
}

fn holds(rule: &Rule, table: &Table, row: &[Cell]) -> bool {
    let is = |id: &Id| type_of(value_of(*id, table, row));
    match rule {
        Rule::NoBlob(id) => is(id) != "blob",
        Rule::NoText(id) => is(id) != "text",
        Rule::WholeOrNull(id) => matches!(is(id), "integer" | "null"),
        Rule::Anything(_) => true,
        Rule::BothOrNeither(a, b) => (is(a) == "null") == (is(b) == "null"),
    }
}

/// What two values have in common that a collation calls equal.
fn compared(cell: &Cell, collation: Collation) -> Cell {
    match (cell, collation) {
        // A whole number equals a real of the same size.
        (Cell::Real(bits), _) => {
            let number = f64::from_bits(*bits);
            let whole = number as i64;
            if whole as f64 == number && whole != i64::MAX { Cell::Integer(whole) } else { cell.clone() }
        }
        (Cell::Text(text), Collation::Rtrim) => {
            let end = text.iter().rposition(|byte| *byte != b' ').map_or(0, |at| at + 1);
            Cell::Text(text[..end].to_vec())
        }
        // NOCASE looks at letters up to a NUL, and at the length.
        (Cell::Text(text), Collation::NoCase) => {
            let mut folded: Vec<u8> = text.split(|byte| *byte == 0).next().unwrap_or_default().to_ascii_lowercase();
            folded.resize(text.len(), 0);
            Cell::Text(folded)
        }
        _ => cell.clone(),
    }
}

fn has_duplicates(table: &Table, rows: &[Row]) -> bool {
    let collation = |id: Id| table.column(id).map_or(Collation::Binary, |column| column.collation);
    let constraints = table.candidate_keys().into_iter().map(|ids| {
        let columns: Vec<(Id, Collation)> = ids.iter().map(|id| (*id, collation(*id))).collect();
        (columns, None)
    });
    let indexes = table.indexes.iter().filter(|index| index.unique).map(|index| {
        let columns = index.columns.iter().map(|(id, own)| (*id, own.unwrap_or_else(|| collation(*id)))).collect();
        (columns, index.partial)
    });
    let mut keys = constraints.chain(indexes);
    keys.any(|(columns, partial): (Vec<(Id, Collation)>, Option<Id>)| {
        let mut seen = HashSet::new();
        let counted = rows.iter().filter(|(_, row)| partial.is_none_or(|id| *value_of(id, table, row) != Cell::Null));
        let mut keys = counted.map(|(_, row)| -> Vec<Cell> {
            columns.iter().map(|(id, collation)| compared(value_of(*id, table, row), *collation)).collect()
        });
        keys.any(|key| !key.contains(&Cell::Null) && !seen.insert(format!("{key:?}")))
    })
}

fn has_orphans(schema: &Schema, rows: &Rows) -> bool {
    schema.tables.iter().any(|table| table.foreign_keys.iter().any(|key| orphaned(schema, table, key, rows)))
}

fn orphaned(schema: &Schema, table: &Table, key: &ForeignKey, rows: &Rows) -> bool {
    let Some(parent) = schema.table(key.parent) else { return false };
    let columns: Vec<&Column> = key.parent_columns.iter().filter_map(|id| parent.column(*id)).collect();
    // A child's value is compared under the affinity and the collation of the parent's column.
    let as_parent = |cell: &Cell, column: &Column| {
        let is_any = affinity(column.declared, parent.strict) == Affinity::Blob;
        let cell = if is_any { Some(cell.clone()) } else { stored_as(cell, column.declared, false) };
        compared(&cell.unwrap_or(Cell::Null), column.collation)
    };
    let parents: HashSet<String> = rows
        .get(&parent.id)
        .into_iter()
        .flatten()
        .map(|(_, row)| {
            let cells: Vec<Cell> = columns.iter().map(|c| compared(value_of(c.id, parent, row), c.collation)).collect();
            format!("{cells:?}")
        })
        .collect();
    rows.get(&table.id).into_iter().flatten().any(|(_, row)| {
        let child: Vec<&Cell> = key.columns.iter().map(|id| value_of(*id, table, row)).collect();
        if child.contains(&&Cell::Null) {
            return false;
        }
        let child: Vec<Cell> = child.iter().zip(&columns).map(|(cell, column)| as_parent(cell, column)).collect();
        !parents.contains(&format!("{child:?}"))
    })
}

/// The first row that is not as expected.
pub fn difference(schema: &Schema, wanted: &Expected, found: &Rows) -> Option<String> {
    for (id, rows) in &wanted.rows {
        let table = schema.table(*id);
        let name = table.map_or("a full-text table", |table| table.name.as_str());
        let is = found.get(id).map_or(&[][..], Vec::as_slice);
        if rows.len() != is.len() {
            return Some(format!("{name} should have {} rows and has {}", rows.len(), is.len()));
        }
        let any = wanted.any_rowid.contains(id);
        let mut is: Vec<Row> = is.iter().map(|(rowid, row)| (rowid.filter(|_| !any), row.clone())).collect();
        // A new id that rows without one get is SQLite's choice.
        if let Some(place) = table.and_then(|table| table.place(table.alias()?)).filter(|_| any) {
            is.iter_mut().for_each(|(_, row)| row[place] = Cell::Null);
        }
        is.sort();
        // Rows with a time in them stand in another order than those with what stands for it.
        let has_time = rows.iter().any(|(_, row)| row.contains(&Cell::Text(NOW.to_vec())));
        if has_time {
            if let Some(row) = rows.iter().find(|row| !is.iter().any(|other| is_same(row, other))) {
                return Some(format!("{name} should have the row {row:?}, and has {is:?}"));
            }
        } else if let Some((row, is)) = rows.iter().zip(&is).find(|(row, is)| row != is) {
            return Some(format!("a row of {name} should be {row:?} and is {is:?}"));
        }
    }
    None
}

fn is_same(wanted: &Row, is: &Row) -> bool {
    let is_time = |cell: &Cell| matches!(cell, Cell::Text(text) if text.len() == 19);
    let fits = |(wanted, is): (&Cell, &Cell)| wanted == is || (*wanted == Cell::Text(NOW.to_vec()) && is_time(is));
    wanted.0 == is.0 && wanted.1.iter().zip(&is.1).all(fits)
}

/// Whether a time stands in the rows, which no second run repeats.
pub fn has_time(wanted: &Expected) -> bool {
    wanted.rows.values().flatten().any(|(_, row)| row.contains(&Cell::Text(NOW.to_vec())))
}
