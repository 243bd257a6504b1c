//! All that a database holds, as one value: the texts of its catalogue, and every row with its types, bytes and rowid.
//!
//! Two images are equal where an app could not tell the databases apart. Whimbrel's own tables are left out: they hold
//! times. What SQLite keeps for itself is looked at where it matters to an app: the counters of AUTOINCREMENT are, the
//! statistics of ANALYZE are not.

use std::collections::BTreeMap;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};

use crate::facts::search_complaints;
use crate::quoted;

/// A value with its storage class; reals by their bits, texts by their bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// NULL.
    Null,
    /// A whole number.
    Integer(i64),
    /// The bits of a floating-point number.
    Real(u64),
    /// The bytes of a text.
    Text(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Cell {
        match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(n) => Cell::Integer(n),
            ValueRef::Real(n) => Cell::Real(n.to_bits()),
            ValueRef::Text(bytes) => Cell::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
        }
    }
}

/// A row of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// `table`, `index`, `view` or `trigger`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The table it belongs to.
    pub table: String,
    /// Its text.
    pub sql: Option<String>,
}

/// All that a database holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// The catalogue, in the order of kinds and names.
    pub objects: Vec<Object>,
    /// The rows of each table: the rowid first where it has one, then the columns.
    pub rows: BTreeMap<String, Vec<Vec<Cell>>>,
    /// The counters of AUTOINCREMENT.
    pub sequences: BTreeMap<String, i64>,
}

/// Which of two versions a database is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The version before.
    Old,
    /// The version after.
    New,
}

const RECORDS: &str = "_whimbrel";

impl Image {
    /// Reads the database.
    ///
    /// # Errors
    /// Where SQLite cannot read it.
    pub fn read(connection: &Connection) -> Result<Image> {
        let mut image = Image::default();
        let mut catalogue = connection.prepare("SELECT type, name, tbl_name, sql FROM main.sqlite_schema")?;
        let mut found = catalogue.query([])?;
        while let Some(row) = found.next()? {
            let object = Object { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? };
            if !object.table.starts_with(RECORDS) && !object.name.starts_with("sqlite_") {
                image.objects.push(object);
            }
        }
        image.objects.sort();
        for table in image.objects.iter().filter(|object| object.kind == "table") {
            let rows = read_rows(connection, table)?;
            image.rows.insert(table.name.clone(), rows);
        }
        if let Ok(mut counters) = connection.prepare("SELECT name, seq FROM main.sqlite_sequence") {
            let mut found = counters.query([])?;
            while let Some(row) = found.next()? {
                let name: String = row.get(0)?;
                if !name.starts_with(RECORDS) {
                    image.sequences.insert(name, row.get(1)?);
                }
            }
        }
        Ok(image)
    }

    /// What the first difference from `other` is, in a line; `None` where there is none.
    pub fn difference(&self, other: &Image) -> Option<String> {
        if self == other {
            return None;
        }
        let missing = |a: &Image, b: &Image| a.objects.iter().find(|o| !b.objects.contains(o)).cloned();
        if let Some(object) = missing(self, other) {
            return Some(format!("only here: {} {}: {}", object.kind, object.name, object.sql.unwrap_or_default()));
        }
        if let Some(object) = missing(other, self) {
            return Some(format!("missing: {} {}: {}", object.kind, object.name, object.sql.unwrap_or_default()));
        }
        for (name, rows) in &self.rows {
            let others = other.rows.get(name).map_or(&[][..], Vec::as_slice);
            if rows.len() != others.len() {
                return Some(format!("{name} has {} rows and not {}", rows.len(), others.len()));
            }
            if let Some((row, wanted)) = rows.iter().zip(others).find(|(row, wanted)| row != wanted) {
                return Some(format!("a row of {name} is {row:?} and not {wanted:?}"));
            }
        }
        Some(format!("the counters are {:?} and not {:?}", self.sequences, other.sequences))
    }

    /// Which of the two versions this is.
    ///
    /// # Errors
    /// Where it is neither: the differences from both.
    pub fn side(&self, old: &Image, new: &Image) -> std::result::Result<Side, String> {
        match (self.difference(old), self.difference(new)) {
            (None, _) => Ok(Side::Old),
            (_, None) => Ok(Side::New),
            (Some(old), Some(new)) => Err(format!("neither the old version ({old}) nor the new one ({new})")),
        }
    }
}

/// The rows of a table in the order of its rowid or key.
fn read_rows(connection: &Connection, table: &Object) -> Result<Vec<Vec<Cell>>> {
    let name = quoted(&table.name);
    // A generated column that is not stored is computed by reading it; hidden ones of virtual tables are commands.
    let columns: Vec<String> = {
        let mut list = connection.prepare("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid")?;
        let names = list.query_map([&table.name], |row| row.get::<_, String>(0))?;
        names.collect::<Result<_>>()?
    };
    let list: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    let list = list.join(", ");
    let is_free = |rowid: &&str| !columns.iter().any(|column| column.eq_ignore_ascii_case(rowid));
    let rowid = ["rowid", "_rowid_", "oid"].into_iter().find(is_free);
    let with_rowid = rowid.and_then(|rowid| {
        let sql = format!("SELECT {rowid}, {list} FROM main.{name} ORDER BY {rowid}");
        connection.prepare(&sql).ok()
    });
    let (mut statement, is_sorted) = match with_rowid {
        Some(statement) => (statement, true),
        None => (connection.prepare(&format!("SELECT {list} FROM main.{name}"))?, false),
    };
    let width = statement.column_count();
    let mut rows = Vec::new();
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let cells: Result<Vec<Cell>> = (0..width).map(|n| row.get_ref(n).map(Cell::from)).collect();
        rows.push(cells?);
    }
    if !is_sorted {
        rows.sort();
    }
    Ok(rows)
}

/// What SQLite's own checks find: the file, the foreign keys, and every full-text index against its text.
///
/// # Errors
/// Where a check cannot be made.
pub fn damage(connection: &Connection) -> Result<Vec<String>> {
    let mut out = Vec::new();
    let mut check = connection.prepare("PRAGMA main.integrity_check")?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?;
    for line in lines {
        out.push(line?);
    }
    out.retain(|line| line != "ok");
    let mut keys = connection.prepare("PRAGMA main.foreign_key_check")?;
    let lines = keys.query_map([], |row| row.get::<_, String>(0))?;
    for table in lines {
        out.push(format!("a row of {} has no parent", table?));
    }
    out.extend(search_complaints(connection)?);
    Ok(out)
}
