//! What SQLite's PRAGMAs and catalogue say of a schema, in a form that two databases can be compared by.
//!
//! Each question is asked once for all tables, by joining the table-valued PRAGMAs: random schemas are compared by the
//! hundred thousand.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Result, Row};

use crate::quoted;
use crate::words::{bag_of_words, by_words};

/// Everything known of a database's schema: a line of text by what it is about.
pub type Facts = BTreeMap<String, String>;

/// What tables and views there are that an app could know of.
const TABLES: &str = "SELECT name, type, ncol, wr, strict FROM pragma_table_list \
                      WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

/// Reads the facts. Columns are compared by name, and by place too where their order counts.
///
/// # Errors
/// Where SQLite cannot read its catalogue.
pub fn facts(conn: &Connection, ordered: bool) -> Result<Facts> {
    let mut facts = Facts::new();
    let objects = objects(conn)?;
    let is_shadow = |name: &str| objects.iter().any(|object| object.kind == "shadow" && object.name == name);
    for object in &objects {
        facts.insert(format!("{} {}", object.kind, object.name), object.line.clone());
        if object.kind == "view" && columns(conn, &object.name, ordered, &mut facts).is_err() {
            facts.insert(format!("{}: columns", object.name), "cannot be read".into());
        }
    }
    all_columns(conn, ordered, &mut facts)?;
    indexes(conn, &mut facts)?;
    foreign_keys(conn, &mut facts)?;
    let texts = "SELECT type, lower(name), lower(tbl_name), sql FROM main.sqlite_schema \
                 WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let texts = rows(conn, texts, |row| Ok((text(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?)))?;
    for (kind, name, table, sql) in texts {
        // How a module spells its own tables is its own business.
        if is_shadow(&table) {
            continue;
        }
        let words = if kind == "table" { bag_of_words(&sql).join(" ") } else { by_words(&sql) };
        facts.insert(format!("text of {kind} {name} on {table}"), words);
    }
    Ok(facts)
}

/// A table or a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableOrView {
    /// Its name, in lower case.
    pub name: String,
    /// `table`, `view`, `virtual` or `shadow`.
    pub kind: String,
    /// What `PRAGMA table_list` says.
    pub line: String,
}

/// Tables and views.
///
/// # Errors
/// Where SQLite cannot read its catalogue.
pub fn objects(conn: &Connection) -> Result<Vec<TableOrView>> {
    rows(conn, TABLES, |row| {
        let kind = text(row, 1)?;
        let (columns, without_rowid, strict): (i64, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let line = format!("{kind}, columns {columns}, without rowid {without_rowid}, strict {strict}");
        // A shadow table's number of columns depends on nothing that a schema says.
        let line = if kind == "shadow" { String::new() } else { line };
        Ok(TableOrView { name: text(row, 0)?.to_lowercase(), kind, line })
    })
}

fn rows<T>(conn: &Connection, sql: &str, read: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    conn.prepare_cached(sql)?.query_map([], read)?.collect()
}

/// A text, or nothing where there is NULL.
fn text(row: &Row<'_>, column: usize) -> Result<String> {
    Ok(row.get::<_, Option<String>>(column)?.unwrap_or_default())
}

const COLUMNS: &str = "x.cid, x.name, x.type, x.\"notnull\", x.dflt_value, x.pk, x.hidden";

/// The columns of all tables. Views are asked one by one: a broken one fails the question.
fn all_columns(conn: &Connection, ordered: bool, facts: &mut Facts) -> Result<()> {
    let sql = format!(
        "SELECT {COLUMNS}, lower(l.name) FROM ({TABLES}) l, pragma_table_xinfo(l.name) x WHERE l.type IN ('table', 'virtual')"
    );
    facts.extend(rows(conn, &sql, |row| column(row, &text(row, 7)?, ordered))?);
    Ok(())
}

fn columns(conn: &Connection, table: &str, ordered: bool, facts: &mut Facts) -> Result<()> {
    let sql = format!("SELECT {COLUMNS} FROM pragma_table_xinfo(?1) x");
    let mut statement = conn.prepare_cached(&sql)?;
    let found: Result<Vec<_>> = statement.query_map([table], |row| column(row, table, ordered))?.collect();
    facts.extend(found?);
    Ok(())
}

fn column(row: &Row<'_>, table: &str, ordered: bool) -> Result<(String, String)> {
    let (place, not_null, key, hidden): (i64, i64, i64, i64) = (row.get(0)?, row.get(3)?, row.get(5)?, row.get(6)?);
    let place = if ordered { format!("at {place}, ") } else { String::new() };
    let default = row.get::<_, Option<String>>(4)?.map_or_else(|| "none".to_owned(), |text| by_words(&text));
    let declared = by_words(&text(row, 2)?);
    let line = format!("{place}type {declared}, not null {not_null}, default {default}, key {key}, hidden {hidden}");
    Ok((format!("{table}.{}", text(row, 1)?.to_lowercase()), line))
}

fn indexes(conn: &Connection, facts: &mut Facts) -> Result<()> {
    let sql = format!(
        "SELECT lower(l.name), lower(i.name), i.\"unique\", i.origin, i.partial, x.cid, lower(coalesce(x.name, 'rowid')), \
         x.desc, lower(x.coll) FROM ({TABLES}) l, pragma_index_list(l.name) i, pragma_index_xinfo(i.name) x \
         WHERE l.type = 'table' AND x.key ORDER BY 1, 2, x.seqno"
    );
    let parts = rows(conn, &sql, |row| {
        let (unique, partial, place, descending): (i64, i64, i64, i64) =
            (row.get(2)?, row.get(4)?, row.get(5)?, row.get(7)?);
        let part = if place == -2 { "expression".to_owned() } else { text(row, 6)? };
        let about = format!("unique {unique}, from {}, partial {partial}", text(row, 3)?);
        Ok((text(row, 0)?, text(row, 1)?, about, format!("{part} descending {descending} by {}", text(row, 8)?)))
    })?;
    let mut by_index: BTreeMap<(String, String, String), Vec<String>> = BTreeMap::new();
    for (table, name, about, part) in parts {
        by_index.entry((table, name, about)).or_default().push(part);
    }
    let mut by_table: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for ((table, name, about), parts) in by_index {
        let shown = if name.starts_with("sqlite_autoindex_") { "made for a constraint" } else { name.as_str() };
        by_table.entry(table).or_default().insert(format!("{shown} ({about}): {}", parts.join(", ")));
    }
    for (table, lines) in by_table {
        facts.insert(format!("{table}: indexes"), lines.into_iter().collect::<Vec<_>>().join("\n"));
    }
    Ok(())
}

fn foreign_keys(conn: &Connection, facts: &mut Facts) -> Result<()> {
    let sql = format!(
        "SELECT lower(l.name), lower(group_concat(f.\"from\", ', ' ORDER BY f.seq)) || ' -> ' || lower(f.\"table\") || '(' || \
         coalesce(lower(group_concat(f.\"to\", ', ' ORDER BY f.seq)), 'its key') || ') ' || f.on_update || ' ' || f.on_delete \
         || ' ' || f.match FROM ({TABLES}) l, pragma_foreign_key_list(l.name) f \
         WHERE l.type = 'table' GROUP BY l.name, f.id ORDER BY 1, 2"
    );
    let mut by_table: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, line) in rows(conn, &sql, |row| Ok((text(row, 0)?, text(row, 1)?)))? {
        by_table.entry(table).or_default().push(line);
    }
    facts.extend(by_table.into_iter().map(|(table, lines)| (format!("{table}: foreign keys"), lines.join("\n"))));
    Ok(())
}

/// What two sets of facts differ in, a line each; empty where they are the same.
pub fn differences(found: &Facts, wanted: &Facts) -> String {
    let keys: BTreeSet<&String> = found.keys().chain(wanted.keys()).collect();
    let mut out = String::new();
    for key in keys {
        let (is, should) = (found.get(key), wanted.get(key));
        if is != should {
            let shown = |fact: Option<&String>| fact.map_or("(is not there)", String::as_str).to_owned();
            out.push_str(&format!("{key}\n    is     {}\n    should {}\n", shown(is), shown(should)));
        }
    }
    out
}

/// What `integrity_check` and `foreign_key_check` complain of, a line each, sorted.
///
/// # Errors
/// Where SQLite cannot read its catalogue. A check that fails is a complaint.
pub fn complaints(conn: &Connection) -> Result<Vec<String>> {
    let mut out = Vec::new();
    match rows(conn, "PRAGMA main.integrity_check", |row| text(row, 0)) {
        // A row that offends a constraint is named by its rowid in either database.
        Ok(lines) => out.extend(lines.iter().filter(|line| *line != "ok").map(|line| format!("integrity: {line}"))),
        Err(e) => out.push(format!("integrity: {e}")),
    }
    for object in objects(conn)?.iter().filter(|object| object.kind == "table") {
        let orphans = |conn: &Connection| -> Result<Vec<String>> {
            let mut check = conn.prepare_cached("SELECT \"table\", parent, rowid FROM pragma_foreign_key_check(?1)")?;
            let shown = |row: &Row<'_>| {
                let rowid: Option<i64> = row.get(2)?;
                let rowid = rowid.map_or_else(|| "NULL".to_owned(), |rowid| rowid.to_string());
                Ok(format!("foreign key: {}|{}|{rowid}", text(row, 0)?, text(row, 1)?))
            };
            check.query_map([&object.name], shown)?.collect()
        };
        match orphans(conn) {
            Ok(lines) => out.extend(lines),
            Err(e) => out.push(format!("foreign keys of {}: {e}", object.name)),
        }
    }
    out.sort();
    Ok(out)
}

/// Full-text tables check their index against their text; the complaint of each that is not in order.
///
/// # Errors
/// Where SQLite cannot read its catalogue.
pub fn search_complaints(conn: &Connection) -> Result<Vec<String>> {
    let tables =
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND sql LIKE 'create virtual table%using fts5%'";
    let check = |table: String| {
        let name = quoted(&table);
        // The 1 has the index compared with the text of another table, too, where that is what it is of.
        conn.execute_batch(&format!("INSERT INTO main.{name}({name}, rank) VALUES ('integrity-check', 1)"))
            .err()
            .map(|e| format!("{table}: {e}"))
    };
    Ok(rows(conn, tables, |row| text(row, 0))?.into_iter().filter_map(check).collect())
}
