//! The rows oracle: what every row must be after a change, worked out from the rows before without the engine's SQL.
//!
//! A column that kept its name, or was renamed, keeps its values bit for bit with their storage class. Where its type
//! changes, it must be what [`crate::affinity`] says.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Result};

use crate::affinity::stored_as;
use crate::facts::{TableOrView, objects};
use crate::{Cell, quoted};

/// A table and all its rows.
#[derive(Debug, Clone)]
pub struct Rows {
    /// Its name, in lower case.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Whether rows have a rowid that can be read.
    pub has_rowid: bool,
    /// The column that is the rowid.
    pub alias: Option<String>,
    /// Whether it is STRICT.
    pub strict: bool,
    /// The rowid first, where there is one, then the columns.
    pub rows: Vec<(Option<i64>, Vec<Cell>)>,
}

/// What the oracle needs to know of a column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as declared.
    pub declared: String,
    /// Whether it takes no NULL.
    pub not_null: bool,
    /// Whether it is computed from others.
    pub generated: bool,
    /// The expression that a new row has in it where nothing is said.
    pub default: Option<String>,
}

/// Old names and new names of what was renamed: `people -> users` and `people.mail -> email`.
pub type Renames = Vec<(String, String)>;

/// Reads every ordinary and virtual table. A virtual table whose module can only be searched is left out.
///
/// # Errors
/// Where SQLite cannot read its catalogue, or the rows of an ordinary table.
pub fn read_all(conn: &Connection) -> Result<BTreeMap<String, Rows>> {
    let mut out = BTreeMap::new();
    for object in objects(conn)? {
        match (object.kind.as_str(), read(conn, &object)) {
            ("table", rows) => {
                out.insert(object.name.clone(), rows?);
            }
            ("virtual", Ok(rows)) => {
                out.insert(object.name.clone(), rows);
            }
            _ => {}
        }
    }
    Ok(out)
}

fn read(conn: &Connection, table: &TableOrView) -> Result<Rows> {
    let (name, without_rowid) = (table.name.as_str(), table.line.contains("without rowid 1"));
    let mut keys: Vec<(String, String)> = Vec::new();
    let mut columns = Vec::new();
    let mut list = conn.prepare(&format!("PRAGMA table_xinfo({})", quoted(name)))?;
    let mut found = list.query([])?;
    while let Some(row) = found.next()? {
        let hidden: i64 = row.get(6)?;
        if hidden == 1 {
            continue;
        }
        let column = Column {
            name: row.get(1)?,
            declared: row.get(2)?,
            not_null: row.get(3)?,
            default: row.get(4)?,
            generated: hidden > 1,
        };
        if row.get::<_, i64>(5)? > 0 {
            keys.push((column.name.clone(), column.declared.clone()));
        }
        columns.push(column);
    }
    let key_index = "SELECT EXISTS (SELECT 1 FROM pragma_index_list(?1) WHERE origin = 'pk')";
    let key_index: bool = conn.query_row(key_index, [name], |row| row.get(0))?;
    let alias = match keys.as_slice() {
        [(key, declared)]
            if !key_index && !without_rowid && table.kind == "table" && declared.eq_ignore_ascii_case("integer") =>
        {
            Some(key.clone())
        }
        _ => None,
    };
    let is_free = |rowid: &&str| !columns.iter().any(|c| c.name.eq_ignore_ascii_case(rowid));
    let rowid = ["rowid", "_rowid_", "oid"].into_iter().find(is_free).map(str::to_owned);
    let rowid = rowid.filter(|_| !without_rowid).or_else(|| alias.as_ref().map(|name| quoted(name)));
    let names: Vec<_> = columns.iter().map(|c| quoted(&c.name)).collect();
    let sql = format!("SELECT {}, {} FROM {}", rowid.as_deref().unwrap_or("NULL"), names.join(", "), quoted(name));
    let mut statement = conn.prepare(&sql)?;
    let mut found = statement.query([])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let cells: Result<Vec<Cell>> = (1..=columns.len()).map(|n| row.get_ref(n).map(Cell::from)).collect();
        rows.push((row.get(0)?, cells?));
    }
    let strict = table.line.ends_with("strict 1");
    Ok(Rows { name: name.to_owned(), columns, has_rowid: rowid.is_some(), alias, strict, rows })
}

/// Compares the rows of two databases, and tells what is not as it must be. `changed` names columns (`table.column`,
/// after the change) whose values are meant to change.
///
/// # Errors
/// Where SQLite cannot compute a default.
pub fn differences(
    before: &BTreeMap<String, Rows>,
    after: &BTreeMap<String, Rows>,
    renames: &Renames,
    changed: &[String],
) -> Result<String> {
    let mut out = String::new();
    let tables: Vec<&(String, String)> = renames.iter().filter(|(old, _)| !is_column(old, before)).collect();
    for new in after.values() {
        let old_name = source(&new.name, &tables.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect::<Vec<_>>());
        let old = old_name.and_then(|name| before.get(&name.to_lowercase()));
        match old {
            Some(old) => table_differences(old, new, renames, changed, &mut out)?,
            None if !new.rows.is_empty() && !changed.contains(&new.name) => {
                out.push_str(&format!("{} is new and has {} rows\n", new.name, new.rows.len()));
            }
            None => {}
        }
    }
    Ok(out)
}

/// Where a thing comes from: what was renamed to it, else what had its name and was not renamed.
fn source<'a>(name: &'a str, renames: &[(&'a str, &'a str)]) -> Option<&'a str> {
    match renames.iter().find(|(_, to)| to.eq_ignore_ascii_case(name)) {
        Some((from, _)) => Some(from),
        None if renames.iter().any(|(from, _)| from.eq_ignore_ascii_case(name)) => None,
        None => Some(name),
    }
}

fn is_column(path: &str, before: &BTreeMap<String, Rows>) -> bool {
    before.values().any(|table| column_of(path, &table.name).is_some_and(|column| has(table, column)))
}

fn has(table: &Rows, column: &str) -> bool {
    table.columns.iter().any(|c| c.name.eq_ignore_ascii_case(column))
}

fn column_of<'p>(path: &'p str, table: &str) -> Option<&'p str> {
    let (head, rest) = (path.get(..table.len())?, path.get(table.len()..)?);
    rest.strip_prefix('.').filter(|_| head.eq_ignore_ascii_case(table))
}

fn table_differences(old: &Rows, new: &Rows, renames: &Renames, changed: &[String], out: &mut String) -> Result<()> {
    if old.rows.len() != new.rows.len() {
        out.push_str(&format!("{} had {} rows and has {}\n", new.name, old.rows.len(), new.rows.len()));
        return Ok(());
    }
    let renames: Vec<(&str, &str)> =
        renames.iter().filter_map(|(path, to)| Some((column_of(path, &old.name)?, to.as_str()))).collect();
    // Columns to compare: place before, place after.
    let mut pairs = Vec::new();
    for (at, column) in new.columns.iter().enumerate() {
        let path = format!("{}.{}", new.name, column.name);
        let from = source(&column.name, &renames);
        let place = from.and_then(|name| old.columns.iter().position(|c| c.name.eq_ignore_ascii_case(name)));
        match place {
            // What is computed from now on need not be what stood there.
            Some(place) if !changed.contains(&path) && !column.generated => pairs.push((place, at)),
            None if !changed.contains(&path) => check_new_column(new, at, out)?,
            _ => {}
        }
    }
    let rowids = old.has_rowid && new.has_rowid && keeps_rowids(old, new, &renames);
    let expected = old.rows.iter().map(|(rowid, cells)| {
        let cells: Vec<Cell> =
            pairs.iter().map(|(from, to)| expected_cell(old, new, *from, *to, &cells[*from])).collect();
        (rowid.filter(|_| rowids), cells)
    });
    let found = new.rows.iter().map(|(rowid, cells)| {
        (rowid.filter(|_| rowids), pairs.iter().map(|(_, to)| cells[*to].clone()).collect::<Vec<_>>())
    });
    let is_filled = |n: usize| {
        let (from, to) = pairs[n];
        new.columns[to].not_null && !old.columns[from].not_null
    };
    // Rows without a rowid are put in order by what they hold; a value that may be filled in comes last.
    let key = |row: &(Option<i64>, Vec<Cell>)| {
        let kept = (0..pairs.len()).filter(|n| !is_filled(*n)).map(|n| row.1[n].clone());
        let filled = (0..pairs.len()).filter(|n| is_filled(*n)).map(|n| row.1[n].clone());
        (row.0, kept.chain(filled).collect::<Vec<_>>())
    };
    let (mut expected, mut found): (Vec<_>, Vec<_>) = (expected.collect(), found.collect());
    expected.sort_by_key(key);
    found.sort_by_key(key);
    for (want, have) in expected.iter().zip(&found) {
        if want.0 != have.0 {
            out.push_str(&format!("{}: rowid {:?} is {:?}\n", new.name, want.0, have.0));
            return Ok(());
        }
        for (n, (_, to)) in pairs.iter().enumerate() {
            let was_filled = is_filled(n) && want.1[n] == Cell::Null && have.1[n] != Cell::Null;
            if want.1[n] != have.1[n] && !was_filled {
                let column = &new.columns[*to].name;
                let (name, rowid) = (&new.name, have.0);
                out.push_str(&format!(
                    "{name}.{column}, row {rowid:?}: should be {:?}, is {:?}\n",
                    want.1[n], have.1[n]
                ));
            }
        }
    }
    Ok(())
}

fn keeps_rowids(old: &Rows, new: &Rows, renames: &[(&str, &str)]) -> bool {
    let Some(alias) = &new.alias else { return true };
    match source(alias, renames).filter(|name| has(old, name)) {
        // A new id column takes the rowids as they are.
        None => true,
        Some(name) => old.alias.as_deref().is_some_and(|old| old.eq_ignore_ascii_case(name)),
    }
}

fn expected_cell(old: &Rows, new: &Rows, from: usize, to: usize, value: &Cell) -> Cell {
    let (before, after) = (&old.columns[from], &new.columns[to]);
    if before.declared.eq_ignore_ascii_case(&after.declared) && old.strict == new.strict {
        return value.clone();
    }
    stored_as(value, &after.declared, new.strict).unwrap_or_else(|| value.clone())
}

/// A new column holds its default in every row.
fn check_new_column(new: &Rows, at: usize, out: &mut String) -> Result<()> {
    let column = &new.columns[at];
    if column.generated || new.alias.as_deref() == Some(column.name.as_str()) {
        return Ok(());
    }
    let default = column.default.as_deref().unwrap_or("NULL");
    let is_time = default.to_lowercase().contains("current") || default.to_lowercase().contains("now");
    // A default that needs the app's functions cannot be computed here.
    let conn = Connection::open_in_memory()?;
    let Ok(mut computed) = conn.prepare(&format!("SELECT ({default})")) else { return Ok(()) };
    let computed = computed.query_row([], |row| Ok(Cell::from(row.get_ref(0)?)))?;
    let Some(want) = stored_as(&computed, &column.declared, new.strict) else { return Ok(()) };
    for (rowid, cells) in &new.rows {
        if cells[at] != want && !(is_time && cells[at] != Cell::Null) {
            let (name, column, is) = (&new.name, &column.name, &cells[at]);
            out.push_str(&format!("{name}.{column}, row {rowid:?}: the default is {want:?}, is {is:?}\n"));
        }
    }
    Ok(())
}

/// The counters of AUTOINCREMENT tables, by name in lower case.
///
/// # Errors
/// Where SQLite cannot read them.
pub fn sequences(conn: &Connection) -> Result<BTreeMap<String, i64>> {
    let kept = "SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_sequence'";
    if conn.query_row(kept, [], |_| Ok(())).optional()?.is_none() {
        return Ok(BTreeMap::new());
    }
    let mut statement = conn.prepare("SELECT lower(name), seq FROM main.sqlite_sequence")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
