//! What tables hold, and what must still be there after scripts have run.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use whimbrel_core::Schema;
use whimbrel_core::schema::type_meaning;
use whimbrel_core::sqlite::token::quote_name;

use super::report::{Finding, Outcome};
use super::rows::has_foreign_content;
use super::trace::{Trace, Traced, fold};

/// A value with its storage class; reals by their bits, texts by their bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Null,
    Integer(i64),
    Real(u64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

/// The rows of all tables, by name in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Contents(BTreeMap<String, Rows>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rows {
    name: String,
    /// Name in lower case, and type.
    columns: Vec<(String, String)>,
    rows: Vec<Vec<Cell>>,
}

impl Contents {
    /// Reads all tables of a schema. Computed columns follow from the others and are left out.
    pub fn read(conn: &Connection, schema: &Schema) -> rusqlite::Result<Contents> {
        let mut contents = BTreeMap::new();
        for table in &schema.tables {
            let columns = table.columns.iter().filter(|column| column.generated.is_none());
            let columns = columns.map(|c| (fold(&c.name), type_meaning(&c.declared_type))).collect();
            contents.insert(fold(&table.name), read(conn, &table.name, columns)?);
        }
        for table in schema.virtual_tables.iter().filter(|table| !has_foreign_content(table)) {
            let names = table.arguments.iter().filter_map(|argument| argument.text().split_whitespace().next());
            let columns = names.filter(|name| !name.contains('=')).map(|name| (fold(name), String::new())).collect();
            // Modules differ in what their tables can be asked for.
            if let Ok(rows) = read(conn, &table.name, columns) {
                contents.insert(fold(&table.name), rows);
            }
        }
        Ok(Contents(contents))
    }

    /// Tables with another number of rows than in `other`: name, rows here, rows there.
    pub fn other_counts<'c>(&'c self, other: &'c Contents) -> impl Iterator<Item = (&'c str, usize, usize)> {
        let pair = |(name, here): (&String, &'c Rows)| Some((here, other.0.get(name)?));
        let counts = self.0.iter().filter_map(pair).map(|(a, b)| (a.name.as_str(), a.rows.len(), b.rows.len()));
        counts.filter(|(_, here, there)| here != there)
    }

    /// The first table whose rows are others than in `other`.
    pub fn first_difference<'c>(&'c self, other: &'c Contents) -> Option<&'c str> {
        let names: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let rows = |contents: &'c Contents, name: &String| contents.0.get(name);
        let name = names.into_iter().find(|name| rows(self, name) != rows(other, name))?;
        rows(self, name).or(rows(other, name)).map(|rows| rows.name.as_str())
    }

    /// Leaves tables out, by names in lower case.
    pub fn without(mut self, tables: &[String]) -> Contents {
        self.0.retain(|name, _| !tables.contains(name));
        self
    }

    /// What is gone or other after scripts that did what the trace says. `has_steps`: steps of the app ran too, and may
    /// have written values.
    pub fn compare(&self, after: &Contents, trace: &Trace, has_steps: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (name, rows) in &after.0 {
            let Some(traced) = trace.tables.get(name) else { continue };
            // Filled from a table that is still there with its own rows: new rows, and none that could be missing.
            let is_heir = |origin: &&String| {
                let own = trace.tables.get(*origin).and_then(|table| table.origin.as_ref());
                *origin == name || own != Some(*origin)
            };
            if traced.origin.as_ref().is_some_and(|origin| !is_heir(&origin)) {
                continue;
            }
            match traced.origin.as_ref().and_then(|origin| self.0.get(origin)) {
                Some(before) => findings.extend(compare(before, rows, traced, has_steps)),
                // Its old rows live on under another name.
                None if trace.tables.values().any(|other| other.origin.as_ref() == Some(name)) => {}
                None => findings.extend(self.0.get(name).and_then(|before| made_anew(before, rows, name, traced))),
            }
        }
        findings
    }
}

fn read(conn: &Connection, name: &str, columns: Vec<(String, String)>) -> rusqlite::Result<Rows> {
    let names: Vec<String> = columns.iter().map(|(name, _)| quote_name(name)).collect();
    let list = if names.is_empty() { "NULL".to_owned() } else { names.join(", ") };
    let mut statement = conn.prepare(&format!("SELECT {list} FROM main.{}", quote_name(name)))?;
    let mut found = statement.query([])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let cells = (0..names.len()).map(|n| row.get_ref(n).map(cell));
        rows.push(cells.collect::<rusqlite::Result<_>>()?);
    }
    Ok(Rows { name: name.to_owned(), columns, rows })
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

/// A table of the old name that holds nothing of the old one.
fn made_anew(before: &Rows, after: &Rows, name: &str, traced: &Traced) -> Option<Finding> {
    let count = before.rows.len();
    if count == 0 {
        return None;
    }
    let table = &after.name;
    // Made under another name and then renamed: it was to take the old one's place, rows and all.
    if traced.born == *name {
        return Some(Finding::noted(table, format!("{table} is dropped and made anew")).rows(count, after.rows.len()));
    }
    let text = format!("the rows of {table} are gone: nothing copies them into the table that takes its place");
    Some(Finding::failed(table, text).rows(count, after.rows.len()))
}

fn compare(before: &Rows, after: &Rows, traced: &Traced, has_steps: bool) -> Vec<Finding> {
    let table = &after.name;
    let (was, is) = (before.rows.len(), after.rows.len());
    let mut findings = Vec::new();
    match (&traced.shrinks, &traced.grows) {
        (Some(why), _) if is < was => {
            findings.push(Finding::noted(table, format!("{table} has fewer rows: {why}")).rows(was, is));
        }
        (None, _) if is < was => {
            findings.push(Finding::failed(table, format!("rows of {table} are gone")).rows(was, is));
        }
        (_, None) if is > was => {
            let outcome = if has_steps { Outcome::Noted } else { Outcome::Failed };
            findings.push(Finding::new(outcome, table, format!("{table} has rows that it had not")).rows(was, is));
        }
        _ => {}
    }
    if findings.iter().any(|finding| finding.outcome == Outcome::Failed) {
        return findings;
    }
    // Which of the two holds the other's rows.
    let relation = match (was.cmp(&is), traced.shrinks.is_some(), traced.grows.is_some()) {
        (_, true, true) => return findings,
        (_, true, false) => Relation::Fewer,
        (_, false, true) => Relation::More,
        (std::cmp::Ordering::Equal, ..) => Relation::Same,
        // Said above.
        _ => return findings,
    };
    let pairs: Vec<(usize, usize)> = after
        .columns
        .iter()
        .enumerate()
        .filter_map(|(at, (name, declared))| {
            let source = traced.columns.get(name).filter(|source| !source.is_written)?;
            let origin = source.column.as_ref()?;
            let place = before.columns.iter().position(|(name, _)| name == origin)?;
            (before.columns[place].1 == *declared).then_some((place, at))
        })
        .collect();
    let sides = |pairs: &[(usize, usize)]| {
        let side = |rows: &Rows, place: fn(&(usize, usize)) -> usize| -> Vec<Vec<Cell>> {
            let mut rows: Vec<Vec<Cell>> =
                rows.rows.iter().map(|row| pairs.iter().map(|pair| row[place(pair)].clone()).collect()).collect();
            rows.sort();
            rows
        };
        (side(before, |pair| pair.0), side(after, |pair| pair.1))
    };
    let holds = |pairs: &[(usize, usize)]| {
        let (old, new) = sides(pairs);
        relation.holds(&old, &new)
    };
    if pairs.is_empty() || holds(&pairs) {
        return findings;
    }
    let column = pairs.iter().find(|pair| !holds(&[**pair])).map(|(_, at)| after.columns[*at].0.as_str());
    let (object, text) = match column {
        Some(column) => {
            let object = format!("{table}.{column}");
            let text = format!("values of {object} are others than before, and no statement writes them");
            (object, text)
        }
        None => (table.clone(), format!("values of {table} stand in other rows than before")),
    };
    if has_steps {
        findings.push(Finding::noted(object, format!("{text}: a step of the app, it seems")));
    } else {
        findings.push(Finding::failed(object, text));
    }
    findings
}

#[derive(Debug, Clone, Copy)]
enum Relation {
    Same,
    Fewer,
    More,
}

impl Relation {
    /// Of two sorted lists.
    fn holds(self, old: &[Vec<Cell>], new: &[Vec<Cell>]) -> bool {
        match self {
            Relation::Same => old == new,
            Relation::Fewer => is_part(new, old),
            Relation::More => is_part(old, new),
        }
    }
}

fn is_part(part: &[Vec<Cell>], whole: &[Vec<Cell>]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|row| whole.any(|other| other == row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(script: &str, has_steps: bool) -> Vec<String> {
        let conn = Connection::open_in_memory().unwrap();
        let start = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT);
                     INSERT INTO t VALUES (1, 'x', 'p'), (2, 'y', 'q'), (3, NULL, 'r');";
        conn.execute_batch(start).unwrap();
        let read = |conn: &Connection| {
            let sql = "SELECT group_concat(sql, ';') FROM sqlite_schema";
            let schema = Schema::from_sql(&conn.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap()).unwrap();
            (Contents::read(conn, &schema).unwrap(), schema)
        };
        let (before, schema) = read(&conn);
        conn.execute_batch(script).unwrap();
        let mut trace = Trace::new(&schema);
        let statements = whimbrel_core::sqlite::split::split(script).unwrap();
        trace.follow("0002_x", statements.iter().map(|statement| &script[statement.range.clone()]));
        let findings = before.compare(&read(&conn).0, &trace, has_steps);
        findings.into_iter().map(|f| format!("{:?} {}: {f}", f.outcome, f.object)).collect()
    }

    fn rebuild(insert: &str) -> String {
        let script = format!(
            "CREATE TABLE n(id INTEGER PRIMARY KEY, b TEXT, a TEXT); {insert}; DROP TABLE t; ALTER TABLE n RENAME TO t"
        );
        found(&script, false).join("; ")
    }

    #[test]
    fn what_is_said_is_no_failure() {
        let nothing: [&str; 0] = [];
        assert_eq!(found("ALTER TABLE t ADD COLUMN c; UPDATE t SET a = '' WHERE a IS NULL", false), nothing);
        assert_eq!(found("INSERT INTO t(a) VALUES ('more')", false), nothing);
        assert_eq!(rebuild("INSERT INTO n(id, a, b) SELECT id, a, b FROM t"), "");
        assert_eq!(rebuild("INSERT INTO n(id, a, b) SELECT id, coalesce(a, ''), b FROM t"), "");
        assert_eq!(
            found("DELETE FROM t WHERE id = 2", false),
            ["Noted t: t has fewer rows: 0002_x deletes from it (3 rows before, 2 after)"]
        );
        assert_eq!(
            rebuild("INSERT INTO n SELECT id, b, a FROM t WHERE a IS NOT NULL"),
            "Noted t: t has fewer rows: 0002_x copies the rows that its query gives (3 rows before, 2 after)"
        );
        assert_eq!(
            found("CREATE TABLE u(a TEXT); INSERT INTO u SELECT a FROM t JOIN (SELECT 'x') LIMIT 1", false),
            nothing
        );
        assert_eq!(found("ALTER TABLE t RENAME TO u; CREATE TABLE t(a); INSERT INTO t VALUES (1)", false), nothing);
        assert_eq!(
            found("DROP TABLE t; CREATE TABLE t(a)", false),
            ["Noted t: t is dropped and made anew (3 rows before, 0 after)"]
        );
        // The new one is rebuilt by a later script.
        let rebuilt = "DROP TABLE t; CREATE TABLE t(a); CREATE TABLE n(a); INSERT INTO n SELECT a FROM t; DROP TABLE t; \
                       ALTER TABLE n RENAME TO t";
        assert_eq!(found(rebuilt, false), ["Noted t: t is dropped and made anew (3 rows before, 0 after)"]);
    }

    #[test]
    fn what_happens_by_mistake_is_found() {
        assert_eq!(
            rebuild("INSERT INTO n SELECT * FROM t"),
            "Failed t.b: values of t.b are others than before, and no statement writes them"
        );
        assert_eq!(
            rebuild("INSERT INTO n(id, a, b) SELECT id, a, b FROM t JOIN (SELECT 'x' AS k) ON k = a"),
            "Noted t: t has fewer rows: 0002_x copies the rows that its JOIN finds partners for (3 rows before, 1 after)"
        );
        assert_eq!(
            rebuild("SELECT 1"),
            "Failed t: the rows of t are gone: nothing copies them into the table that takes its place (3 rows before, 0 after)"
        );
        assert_eq!(rebuild("INSERT INTO n(a, b) SELECT a, b FROM t ORDER BY b DESC"), "");
        assert_eq!(rebuild("INSERT INTO n(id, b) SELECT id, b FROM t; UPDATE n SET b = (SELECT max(b) FROM t)"), "");
    }

    #[test]
    fn steps_may_change_values_and_lose_no_rows() {
        // What a step does stands in no script.
        let step = |sql: &str| {
            let conn = Connection::open_in_memory().unwrap();
            conn.execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)").unwrap();
            let schema = Schema::from_sql("CREATE TABLE t(a)").unwrap();
            let before = Contents::read(&conn, &schema).unwrap();
            conn.execute_batch(sql).unwrap();
            let after = Contents::read(&conn, &schema).unwrap();
            let findings = before.compare(&after, &Trace::new(&schema), true);
            findings.into_iter().map(|f| f.outcome).collect::<Vec<_>>()
        };
        assert_eq!(step("UPDATE t SET a = 3"), [Outcome::Noted]);
        assert_eq!(step("INSERT INTO t VALUES (3)"), [Outcome::Noted]);
        assert_eq!(step("DELETE FROM t WHERE a = 1"), [Outcome::Failed]);
    }
}
