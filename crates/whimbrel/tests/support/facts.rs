//! What SQLite's PRAGMAs and catalogue say of a schema, in a form that two databases can be compared by.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::database::{quoted, try_ask};
use super::words::{bag_of_words, by_words};

/// Everything known of a database's schema: a line of text by what it is about.
pub type Facts = BTreeMap<String, String>;

/// Reads the facts. Columns are compared by name, and by place too where their order counts.
pub fn facts(conn: &Connection, ordered: bool) -> Facts {
    let mut facts = Facts::new();
    for (name, kind, line) in objects(conn) {
        facts.insert(format!("{kind} {name}"), line);
        if kind != "shadow" {
            columns(conn, &name, ordered, &mut facts);
            indexes(conn, &name, &mut facts);
            foreign_keys(conn, &name, &mut facts);
        }
    }
    let shadows: BTreeSet<String> =
        objects(conn).into_iter().filter(|(_, kind, _)| kind == "shadow").map(|(name, ..)| name).collect();
    let texts = "SELECT type || char(31) || lower(name) || char(31) || lower(tbl_name) || char(31) || sql \
                 FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    for row in column(conn, texts) {
        let parts: Vec<&str> = row.splitn(4, '\u{1f}').collect();
        let [kind, name, table, sql] = parts[..] else { panic!("a catalogue row has four parts") };
        // How a module spells its own tables is its own business.
        if shadows.contains(table) {
            continue;
        }
        let text = match kind {
            "table" => bag_of_words(sql).join(" "),
            _ => by_words(sql),
        };
        facts.insert(format!("text of {kind} {name} on {table}"), text);
    }
    facts
}

/// Tables and views: name, kind, and what `PRAGMA table_list` says.
pub fn objects(conn: &Connection) -> Vec<(String, String, String)> {
    let list = "SELECT name || char(31) || type || char(31) || type || ', columns ' || ncol || ', without rowid ' || wr || \
                ', strict ' || strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let rows = column(conn, list).into_iter().map(|row| {
        let parts: Vec<&str> = row.splitn(3, '\u{1f}').collect();
        (parts[0].to_lowercase(), parts[1].to_owned(), parts[2].to_owned())
    });
    // A shadow table's number of columns depends on nothing that a schema says.
    rows.map(|(name, kind, line)| if kind == "shadow" { (name, kind, String::new()) } else { (name, kind, line) })
        .collect()
}

fn column(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(sql).unwrap_or_else(|e| panic!("{e}\nin {sql}"));
    let rows = statement.query_map([], |row| row.get(0)).expect("a query");
    rows.map(|row| row.expect("a text")).collect()
}

fn columns(conn: &Connection, table: &str, ordered: bool, facts: &mut Facts) {
    let list = format!("PRAGMA table_xinfo({})", quoted(table));
    // A broken view has no columns to tell of.
    let Ok(mut statement) = conn.prepare(&list) else {
        facts.insert(format!("{table}: columns"), "cannot be read".into());
        return;
    };
    let rows = statement.query_map([], |row| {
        let (place, name, declared): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (not_null, default): (i64, Option<String>) = (row.get(3)?, row.get(4)?);
        let (key, hidden): (i64, i64) = (row.get(5)?, row.get(6)?);
        let place = if ordered { format!("at {place}, ") } else { String::new() };
        let default = default.map_or_else(|| "none".to_owned(), |text| by_words(&text));
        let line = format!(
            "{place}type {}, not null {not_null}, default {default}, key {key}, hidden {hidden}",
            by_words(&declared)
        );
        Ok((name, line))
    });
    for row in rows.expect("a list of columns") {
        match row {
            Ok((name, line)) => facts.insert(format!("{table}.{}", name.to_lowercase()), line),
            Err(_) => facts.insert(format!("{table}: columns"), "cannot be read".into()),
        };
    }
}

fn indexes(conn: &Connection, table: &str, facts: &mut Facts) {
    let list = format!(
        "SELECT name || char(31) || 'unique ' || \"unique\" || ', from ' || origin || ', partial ' || partial \
         FROM pragma_index_list({})",
        sql_text(table)
    );
    let mut lines = BTreeSet::new();
    for row in column(conn, &list) {
        let (name, rest) = row.split_once('\u{1f}').expect("two parts");
        let parts = format!(
            "SELECT iif(cid = -2, 'expression', lower(coalesce(name, 'rowid'))) || ' descending ' || desc || ' by ' || lower(coll) \
             FROM pragma_index_xinfo({}) WHERE key ORDER BY seqno",
            sql_text(name)
        );
        let shown = if name.starts_with("sqlite_autoindex_") { "made for a constraint" } else { name };
        lines.insert(format!("{} ({rest}): {}", shown.to_lowercase(), column(conn, &parts).join(", ")));
    }
    facts.insert(format!("{table}: indexes"), lines.into_iter().collect::<Vec<_>>().join("\n"));
}

fn foreign_keys(conn: &Connection, table: &str, facts: &mut Facts) {
    let list = format!(
        "SELECT lower(group_concat(\"from\", ', ' ORDER BY seq)) || ' -> ' || lower(\"table\") || '(' || \
         coalesce(lower(group_concat(\"to\", ', ' ORDER BY seq)), 'its key') || ') ' || on_update || ' ' || on_delete \
         || ' ' || match FROM pragma_foreign_key_list({}) GROUP BY id ORDER BY 1",
        sql_text(table)
    );
    facts.insert(format!("{table}: foreign keys"), column(conn, &list).join("\n"));
}

fn sql_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
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
pub fn complaints(conn: &Connection) -> Vec<String> {
    let mut out = Vec::new();
    for line in try_ask(conn, "PRAGMA integrity_check").unwrap_or_else(|e| format!("integrity: {e}")).lines() {
        // A row that offends a constraint is named by its rowid in either database.
        if line != "ok" {
            out.push(format!("integrity: {line}"));
        }
    }
    for (name, kind, _) in objects(conn) {
        if kind == "table" {
            let check = format!("SELECT \"table\", parent, rowid FROM pragma_foreign_key_check({})", sql_text(&name));
            match try_ask(conn, &check) {
                Ok(rows) => out.extend(rows.lines().map(|row| format!("foreign key: {row}"))),
                Err(e) => out.push(format!("foreign keys of {name}: {e}")),
            }
        }
    }
    out.sort();
    out
}

/// Full-text tables check their index against their text; the complaint of each that is not in order.
pub fn search_complaints(conn: &Connection) -> Vec<String> {
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'create virtual table%using fts5%'";
    let check = |table: &String| {
        let name = quoted(table);
        conn.execute_batch(&format!("INSERT INTO {name}({name}, rank) VALUES ('integrity-check', 1)"))
            .err()
            .map(|e| format!("{table}: {e}"))
    };
    column(conn, tables).iter().filter_map(check).collect()
}
