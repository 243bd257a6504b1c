//! The rows oracle: what every row must be after a change, worked out from the rows before without the engine's SQL.
//!
//! A column that kept its name, or was renamed, keeps its values bit for bit with their storage class. Where its type
//! changes, the value is written through a bound parameter into a fresh table of the new type, and what SQLite makes
//! of it there is what the change must have made of it.

use std::collections::BTreeMap;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::database::quoted;
use super::facts::objects;

/// A value with its storage class; reals by their bits, texts by their bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Null,
    Integer(i64),
    Real(u64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

/// A table and all its rows.
#[derive(Debug, Clone)]
pub struct Rows {
    pub name: String,
    pub columns: Vec<Column>,
    /// Whether rows have a rowid that can be read.
    pub has_rowid: bool,
    /// The column that is the rowid.
    pub alias: Option<String>,
    pub strict: bool,
    /// The rowid first, where there is one, then the columns.
    pub rows: Vec<(Option<i64>, Vec<Cell>)>,
}

/// What the oracle needs to know of a column.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub declared: String,
    pub not_null: bool,
    pub generated: bool,
    pub default: Option<String>,
}

/// Old names and new names of what was renamed: `people -> users` and `people.mail -> email`.
pub type Renames = Vec<(String, String)>;

/// Reads every ordinary and virtual table.
pub fn read_all(conn: &Connection) -> BTreeMap<String, Rows> {
    let tables = objects(conn).into_iter().filter(|(_, kind, _)| kind == "table" || kind == "virtual");
    tables.filter_map(|(name, kind, line)| Some((name.clone(), read(conn, &name, &kind, &line)?))).collect()
}

fn read(conn: &Connection, name: &str, kind: &str, line: &str) -> Option<Rows> {
    let mut keys = Vec::new();
    let mut columns = Vec::new();
    let mut list = conn.prepare(&format!("PRAGMA table_xinfo({})", quoted(name))).ok()?;
    let mut found = list.query([]).ok()?;
    while let Some(row) = found.next().ok()? {
        let hidden: i64 = row.get(6).ok()?;
        if hidden == 1 {
            continue;
        }
        let column = Column {
            name: row.get(1).ok()?,
            declared: row.get(2).ok()?,
            not_null: row.get(3).ok()?,
            default: row.get(4).ok()?,
            generated: hidden > 1,
        };
        if row.get::<_, i64>(5).ok()? > 0 {
            keys.push((column.name.clone(), column.declared.clone()));
        }
        columns.push(column);
    }
    let without_rowid = line.contains("without rowid 1");
    let key_index: bool = conn
        .query_row("SELECT EXISTS (SELECT 1 FROM pragma_index_list(?1) WHERE origin = 'pk')", [name], |row| row.get(0))
        .unwrap_or(false);
    let alias = match keys.as_slice() {
        [(key, declared)]
            if !key_index && !without_rowid && kind == "table" && declared.eq_ignore_ascii_case("integer") =>
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
    // A virtual table whose module can only be searched has no rows to read.
    let mut statement = conn.prepare(&sql).ok()?;
    let mut found = statement.query([]).ok()?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().ok()? {
        let cells = (1..=columns.len()).map(|n| cell(row.get_ref(n).expect("a value"))).collect();
        rows.push((row.get(0).expect("a rowid"), cells));
    }
    let strict = line.ends_with("strict 1");
    Some(Rows { name: name.to_owned(), columns, has_rowid: rowid.is_some(), alias, strict, rows })
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(n) => Cell::Integer(n),
        ValueRef::Real(n) => Cell::Real(n.to_bits()),
        ValueRef::Text(bytes) => Cell::Text(bytes.to_vec()),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
    }
}

/// What SQLite stores in a column of this type when it is given this value.
fn stored_as(value: &Cell, declared: &str, strict: bool) -> Option<Cell> {
    let conn = Connection::open_in_memory().expect("a database in memory");
    let strict = if strict { " STRICT" } else { "" };
    conn.execute_batch(&format!("CREATE TABLE probe(v {declared}){strict}")).ok()?;
    let (sql, value) = match value {
        Cell::Null => ("?", Value::Null),
        Cell::Integer(n) => ("?", Value::Integer(*n)),
        Cell::Real(bits) => ("?", Value::Real(f64::from_bits(*bits))),
        // Text that is no UTF-8 can be bound only as bytes.
        Cell::Text(bytes) => ("CAST(? AS TEXT)", Value::Blob(bytes.clone())),
        Cell::Blob(bytes) => ("?", Value::Blob(bytes.clone())),
    };
    conn.execute(&format!("INSERT INTO probe VALUES ({sql})"), params_from_iter([value])).ok()?;
    conn.query_row("SELECT v FROM probe", [], |row| Ok(cell(row.get_ref(0)?))).ok()
}

/// Compares the rows of two databases, and tells what is not as it must be. `changed` names columns (`table.column`,
/// after the change) whose values are meant to change.
pub fn differences(
    before: &BTreeMap<String, Rows>,
    after: &BTreeMap<String, Rows>,
    renames: &Renames,
    changed: &[String],
) -> String {
    let mut out = String::new();
    let tables: Vec<&(String, String)> = renames.iter().filter(|(old, _)| !is_column(old, before)).collect();
    for new in after.values() {
        let old_name = source(&new.name, &tables.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect::<Vec<_>>());
        let old = old_name.and_then(|name| before.get(&name.to_lowercase()));
        match old {
            Some(old) => table_differences(old, new, renames, changed, &mut out),
            None if !new.rows.is_empty() && !changed.contains(&new.name) => {
                out.push_str(&format!("{} is new and has {} rows\n", new.name, new.rows.len()));
            }
            None => {}
        }
    }
    out
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

fn table_differences(old: &Rows, new: &Rows, renames: &Renames, changed: &[String], out: &mut String) {
    if old.rows.len() != new.rows.len() {
        out.push_str(&format!("{} had {} rows and has {}\n", new.name, old.rows.len(), new.rows.len()));
        return;
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
            None if !changed.contains(&path) => check_new_column(new, at, out),
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
            return;
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
fn check_new_column(new: &Rows, at: usize, out: &mut String) {
    let column = &new.columns[at];
    if column.generated || new.alias.as_deref() == Some(column.name.as_str()) {
        return;
    }
    let conn = Connection::open_in_memory().expect("a database in memory");
    let default = column.default.as_deref().unwrap_or("NULL");
    let is_time = default.to_lowercase().contains("current") || default.to_lowercase().contains("now");
    let strict = if new.strict { " STRICT" } else { "" };
    let sql = format!("CREATE TABLE probe(v {}, w DEFAULT ({default})){strict}", column.declared);
    let sql = if new.strict { sql.replace("w DEFAULT", "w ANY DEFAULT") } else { sql };
    if conn.execute_batch(&format!("{sql}; INSERT INTO probe DEFAULT VALUES; UPDATE probe SET v = w")).is_err() {
        return;
    }
    let want = conn.query_row("SELECT v FROM probe", [], |row| Ok(cell(row.get_ref(0)?))).expect("a default");
    for (rowid, cells) in &new.rows {
        if cells[at] != want && !(is_time && cells[at] != Cell::Null) {
            let name = &new.name;
            out.push_str(&format!(
                "{name}.{}, row {rowid:?}: the default is {want:?}, is {:?}\n",
                column.name, cells[at]
            ));
        }
    }
}

/// The counters of AUTOINCREMENT tables, by name.
pub fn sequences(conn: &Connection) -> BTreeMap<String, i64> {
    let Ok(mut statement) = conn.prepare("SELECT lower(name), seq FROM sqlite_sequence") else {
        return BTreeMap::new();
    };
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("a list of counters");
    rows.map(|row| row.expect("a counter")).collect()
}
