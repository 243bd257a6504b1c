//! How much room on the disk a plan needs, in bytes, as far as it can be known before.
//!
//! What tables and indexes take now, SQLite's `dbstat` tells, which is compiled in only where somebody asked for it. What they
//! will take is judged by some rows: how long their records are now, and how long they will be
//! (<https://www.sqlite.org/fileformat2.html#record_format>). Where even that cannot be asked before the change, the room that is
//! taken now must do.

use super::inspect::one_row;
use super::{Connection, Value};
use crate::diff::{Diff, TableChange};
use crate::plan::Fill;
use crate::schema::{Column, Index, KeyPart, KeyTerm, Meaning, Schema, Table, same_name};
use crate::sqlite::defaults::literal_length;
use crate::sqlite::plan::{Bytes, PAGE};
use crate::sqlite::print::main;
use crate::sqlite::probe::{
    ValueSource, converted, default_term, is_alias, primary_key_columns, renamed_relation, value_source,
};
use crate::sqlite::token::{quote_name, quote_text};
use crate::sqlite::types::column_affinity;

/// Rows that are looked at.
const SAMPLE: u64 = 1000;
/// Bytes that are read for it, about: a row may hold a whole file.
const SAMPLE_BYTES: u64 = 4 << 20;
/// In how many places of a table: rows of one time are like each other.
const PLACES: u64 = 4;
/// Bytes of a row beside its values: what its record begins with, its rowid, and its place in the page.
const OF_ROW: u64 = 8;
/// The same of an entry of an index, whose rowid is one of its values.
const OF_ENTRY: u64 = 4;

/// A table or an index, as it stands in the file.
struct Tree {
    name: String,
    bytes: u64,
    /// Bytes of its records.
    payload: u64,
    /// Bytes of its pages that hold nothing.
    unused: u64,
}

/// A table and its indexes; none where SQLite cannot tell.
pub(super) struct Trees(Vec<Tree>);

impl Trees {
    /// Asks for a table's.
    pub(super) async fn of<C: Connection>(conn: &mut C, table: &str) -> Trees {
        let sql = format!(
            "SELECT name, pgsize, payload, unused FROM dbstat WHERE aggregate = TRUE \
             AND name IN (SELECT name FROM main.sqlite_master WHERE tbl_name = {} COLLATE NOCASE)",
            quote_text(table)
        );
        let rows = conn.query(&sql).await.unwrap_or_default();
        let number = |value: Option<&Value>| value.and_then(Value::integer).unwrap_or_default().unsigned_abs();
        let tree = |row: &Vec<Value>| {
            let name = row.first().and_then(Value::text)?.to_owned();
            Some(Tree { name, bytes: number(row.get(1)), payload: number(row.get(2)), unused: number(row.get(3)) })
        };
        Trees(rows.iter().filter_map(tree).collect())
    }

    fn get(&self, name: &str) -> Option<&Tree> {
        self.0.iter().find(|tree| same_name(&tree.name, name))
    }

    /// How many rows of a table are looked at.
    fn sample(&self, table: &str, rows: u64) -> u64 {
        let length = self.get(table).map_or(0, |tree| tree.payload / rows.max(1));
        (SAMPLE_BYTES / length.max(1)).clamp(PLACES, SAMPLE)
    }

    /// What they take together, and the table alone.
    pub(super) fn bytes(&self, table: &str) -> Bytes {
        let own = self.get(table).map_or(0, |tree| tree.bytes);
        Bytes { all: self.0.iter().map(|tree| tree.bytes).sum(), own }
    }
}

/// Values that stand together in a record, as terms over the rows as they are.
struct Record {
    terms: Vec<String>,
    /// Which rows have such a record; none where all do.
    condition: Option<String>,
    /// Bytes beside the values.
    beside: u64,
}

/// The length of a value in a record, with its type.
fn length(term: &str) -> String {
    let ranges = [(128_u64, 2), (32_768, 3), (8_388_608, 4), (2_147_483_648, 5), (140_737_488_355_328, 7)];
    let ranges = ranges.map(|(end, bytes)| format!("WHEN {term} BETWEEN -{end} AND {} THEN {bytes} ", end - 1));
    format!(
        "CASE typeof({term}) WHEN 'null' THEN 1 WHEN 'real' THEN 9 \
         WHEN 'integer' THEN CASE WHEN {term} IN (0, 1) THEN 1 {}ELSE 9 END \
         ELSE length(CAST({term} AS BLOB)) + 1 + (length(CAST({term} AS BLOB)) > 57) END",
        ranges.concat()
    )
}

/// How long records are on average, in thousandths of a byte, and 0 of a row that has none. Only so many rows are looked at, and
/// of these only those of a condition, where there is one.
async fn lengths<C: Connection>(
    conn: &mut C,
    change: &TableChange,
    records: &[Record],
    only: Option<&str>,
    sample: u64,
) -> Option<Vec<u64>> {
    // A back-fill may take its time: each value is computed once, within the LIMIT.
    let mut values: Vec<&str> = Vec::new();
    let mut value = |term| {
        let known = values.iter().position(|known| *known == term);
        let at = known.unwrap_or_else(|| {
            values.push(term);
            values.len() - 1
        });
        format!("v{at}")
    };
    let averages = records.iter().map(|record| {
        let lengths = record.terms.iter().map(|term| length(&value(term)));
        let sum = lengths.chain([record.beside.to_string()]).collect::<Vec<_>>().join(" + ");
        let condition = record.condition.as_deref().map_or_else(|| "1".to_owned(), &mut value);
        format!("CAST(1000 * avg(CASE WHEN {condition} THEN {sum} ELSE 0 END) AS INTEGER)")
    });
    let averages = averages.collect::<Vec<_>>().join(", ");
    let values: Vec<String> = values.iter().enumerate().map(|(n, term)| format!("{term} AS v{n}")).collect();
    let (values, relation) = (values.join(", "), renamed_relation(change));
    // Where few rows are meant, each place would have to be searched to the end of the table.
    let places = match only {
        Some(only) => vec![Some(format!("({only})"))],
        None => places(conn, change).await,
    };
    let rows = sample / places.len() as u64;
    let of_each = |place: &Option<String>| {
        let condition = place.as_deref().unwrap_or("1");
        format!("SELECT * FROM (SELECT {values} FROM {relation} WHERE {condition} LIMIT {rows})")
    };
    let places: Vec<String> = places.iter().map(of_each).collect();
    let sql = format!("SELECT {averages} FROM ({})", places.join(" UNION ALL "));
    let row = one_row(conn, &sql).await.ok()?;
    Some(row.iter().map(|value| value.integer().unwrap_or_default().unsigned_abs()).collect())
}

/// The conditions under which the rows of each place come first; one place without, where rows have no number.
async fn places<C: Connection>(conn: &mut C, change: &TableChange) -> Vec<Option<String>> {
    let names = change.before.rowid_name().zip(change.renamed.rowid_name());
    let Some((live, renamed)) = names else { return vec![None] };
    let table = main(&change.before.name);
    let sql = format!("SELECT (SELECT min({live}) FROM {table}), (SELECT max({live}) FROM {table})");
    let row = one_row(conn, &sql).await.unwrap_or_default();
    let [Value::Integer(first), Value::Integer(last)] = row.as_slice() else { return vec![None] };
    let (first, last) = (i128::from(*first), i128::from(*last));
    let place = |n: u64| first + (last - first) / i128::from(PLACES) * i128::from(n);
    (0..PLACES).map(|n| Some(format!("{renamed} >= {}", place(n)))).collect()
}

/// Bytes by which a table grows where `filled` of its `rows` get values. A page is full of rows before, and one that does not hold
/// them any more is split: measured, that adds a tenth of the table to the values themselves.
pub(super) async fn growth<C: Connection>(
    conn: &mut C,
    change: &TableChange,
    fill: &Fill,
    (filled, rows): (u64, u64),
    trees: &Trees,
) -> Option<u64> {
    let values = Record { terms: fill.values.clone(), condition: None, beside: 0 };
    let condition = fill.condition.as_deref();
    let length =
        lengths(conn, change, &[values], condition, trees.sample(&change.before.name, rows)).await?.first().copied()?;
    let of_splits =
        u128::from(trees.bytes(&change.before.name).own / 10) * u128::from(filled) / u128::from(rows.max(1));
    Some(filled.saturating_mul(length) / 1000 + u64::try_from(of_splits).unwrap_or_default())
}

/// Bytes that the rows of a table only read from defaults, and do not hold.
pub(super) async fn not_held<C: Connection>(
    conn: &mut C,
    change: &TableChange,
    rows: u64,
    trees: &Trees,
) -> Option<u64> {
    let own = trees.get(&change.before.name)?;
    let read = lengths(conn, change, &[record_now(change)], None, trees.sample(&change.before.name, rows))
        .await?
        .first()
        .copied()?;
    Some(rows.saturating_mul(read.saturating_sub(held(own, rows))) / 1000)
}

/// Thousandths of a byte that a row of a table takes on average.
fn held(own: &Tree, rows: u64) -> u64 {
    // What a record begins with is part of it.
    (own.payload.saturating_mul(1000) / rows.max(1)).saturating_add((OF_ROW - 1) * 1000)
}

/// Bytes that a copy of a table takes, with its indexes.
pub(super) async fn of_copy<C: Connection>(
    conn: &mut C,
    change: &TableChange,
    diff: &Diff,
    after: &Schema,
    rows: u64,
    trees: &Trees,
) -> Option<u64> {
    let own = trees.get(&change.before.name)?;
    let mut records = vec![record_now(change), record_then(change)?];
    let indexes: Vec<&Index> =
        after.indexes.iter().filter(|index| same_name(&index.table, &change.after.name)).collect();
    let is_kept =
        |index: &Index| !diff.changes.iter().any(|c| c.object_kind() == "index" && same_name(c.object(), &index.name));
    for index in &indexes {
        let predicate = index.predicate.as_ref().map(|predicate| format!("({})", predicate.meaning()));
        records.push(entry(change, &index.parts, predicate.clone(), Moment::Then)?);
        if is_kept(index) {
            records.push(entry(change, &index.parts, predicate, Moment::Now)?);
        }
    }
    let meanings = |table: &Table| -> Vec<Vec<String>> {
        table.keys.iter().map(|key| key.iter().map(Meaning::meaning).collect()).collect()
    };
    let keeps_keys = meanings(&change.renamed) == meanings(&change.after)
        && change.renamed.without_rowid == change.after.without_rowid;
    let keys: Vec<&Vec<KeyPart>> = change.after.keys.iter().filter(|key| has_own_index(&change.after, key)).collect();
    if !keeps_keys {
        for key in &keys {
            records.push(entry(change, key, None, Moment::Then)?);
        }
    }
    let sample = trees.sample(&change.before.name, rows);
    let mut lengths = lengths(conn, change, &records, None, sample).await?.into_iter();
    let mut next = || lengths.next().unwrap_or_default();

    let (now, then) = (next(), next());
    // What rows only read from a default they hold in the copy.
    let defaults = change.before.columns.iter().filter_map(Column::default_value);
    let defaults = defaults.map(|default| 1000 * (literal_length(default) + 1)).sum();
    let held = held(own, rows).clamp(now.saturating_sub(defaults), now);
    let scaled = |tree: &Tree, now: u64, then: u64| -> u64 {
        let used = u128::from(tree.bytes.saturating_sub(tree.unused));
        u64::try_from(used * u128::from(then) / u128::from(now.max(1))).unwrap_or(u64::MAX)
    };
    let mut trees_then = vec![scaled(own, held, then)];
    for index in indexes {
        let then = next();
        trees_then.push(match trees.get(&index.name).filter(|_| is_kept(index)) {
            Some(tree) => scaled(tree, next(), then),
            None => rows.saturating_mul(then) / 1000,
        });
    }
    if keeps_keys {
        let of_keys = trees.0.iter().filter(|tree| tree.name.starts_with("sqlite_autoindex_"));
        trees_then.extend(of_keys.map(|tree| tree.bytes));
    } else {
        // Their entries do not come in their order, and leave a fifth of the pages empty.
        trees_then.extend(keys.iter().map(|_| rows.saturating_mul(next()) / 800));
    }
    Some(trees_then.into_iter().map(|bytes| bytes.div_ceil(PAGE).max(1).saturating_mul(PAGE)).sum())
}

/// Whether a key has an index that SQLite makes with the table, and fills as rows come.
fn has_own_index(table: &Table, key: &[KeyPart]) -> bool {
    let is_primary = table.primary_key.as_ref().is_some_and(|primary| primary.columns == *key);
    let is_alias = matches!(key, [KeyPart { term: KeyTerm::Column(name), .. }] if is_alias(table, name));
    let is_table = is_primary && table.without_rowid;
    !is_alias && !is_table
}

/// A row is looked at as it is, or as it will be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    Now,
    Then,
}

fn record_now(change: &TableChange) -> Record {
    let table = &change.renamed;
    let is_stored = |column: &&Column| column.generated.as_ref().is_none_or(|generated| generated.stored);
    let term = |column: &Column| match is_alias(table, &column.name) {
        true => "NULL".to_owned(),
        false => quote_name(&column.name),
    };
    let terms = table.columns.iter().filter(is_stored).map(term).collect();
    Record { terms, condition: None, beside: OF_ROW }
}

fn record_then(change: &TableChange) -> Option<Record> {
    let table = &change.after;
    let is_stored = |column: &&Column| column.generated.as_ref().is_none_or(|generated| generated.stored);
    let term = |column: &Column| match is_alias(table, &column.name) {
        true => Some("NULL".to_owned()),
        false => value_then(change, &column.name),
    };
    let terms: Option<Vec<String>> = table.columns.iter().filter(is_stored).map(term).collect();
    Some(Record { terms: terms?, condition: None, beside: OF_ROW })
}

/// An entry of an index; none where it cannot be told before.
fn entry(change: &TableChange, parts: &[KeyPart], condition: Option<String>, moment: Moment) -> Option<Record> {
    let value = |name: &str| match moment {
        Moment::Now => Some(quote_name(name)),
        Moment::Then => value_then(change, name),
    };
    let mut terms = Vec::new();
    for part in parts {
        terms.push(match &part.term {
            KeyTerm::Column(name) => value(name)?,
            KeyTerm::Expression(expression) => format!("({})", expression.meaning()),
        });
    }
    let table = if moment == Moment::Now { &change.renamed } else { &change.after };
    // Behind them stands what finds the row.
    match table.rowid_alias() {
        Some(alias) => terms.push(value(&alias.name)?),
        None if table.without_rowid => {
            for column in primary_key_columns(table) {
                terms.push(value(&column)?);
            }
        }
        None => terms.extend(change.renamed.rowid_name().map(str::to_owned)),
    }
    Some(Record { terms, condition, beside: OF_ENTRY })
}

/// What a row will have in a column; none where that cannot be told before.
fn value_then(change: &TableChange, name: &str) -> Option<String> {
    let column = change.after.column(name)?;
    let old = change.renamed.column(name);
    Some(match value_source(change, column) {
        ValueSource::Kept => {
            let from = column_affinity(&change.before, old?);
            converted(&quote_name(name), from, column_affinity(&change.after, column))
        }
        ValueSource::Filled(fill) => format!("coalesce({}, {fill})", quote_name(name)),
        ValueSource::Computed(value) => value,
        ValueSource::Rowid(rowid) => rowid.to_owned(),
        ValueSource::Default => column.default_value().map_or_else(|| "NULL".to_owned(), default_term),
        ValueSource::Generated if old.is_some() => quote_name(name),
        ValueSource::Generated => format!("({})", column.generated.as_ref()?.expression.meaning()),
    })
}
