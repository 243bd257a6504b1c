//! Rows for any schema: they come in through INSERT, with foreign keys and triggers on, as an app's rows would.
//!
//! Parents come first. A row that SQLite does not take is changed where SQLite says it is wrong and tried again, a number
//! of times; then it is given up, and counted. The same schema and the same seed give the same rows.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rusqlite::types::Value;
use rusqlite::{Connection, ffi, params_from_iter};
use whimbrel_core::Schema;
use whimbrel_core::schema::{ForeignKey, KeyTerm, Table, VirtualTable, same_name};
use whimbrel_core::sqlite::token::{TokenKind, quote_name, tokenize};

use super::Rows;
use super::trace::fold;
use super::values::{Field, Random};

/// What became of the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Filled {
    pub made: usize,
    pub given_up: usize,
}

impl std::ops::AddAssign for Filled {
    fn add_assign(&mut self, other: Filled) {
        self.made += other.made;
        self.given_up += other.given_up;
    }
}

/// Times that a row is tried.
const ATTEMPTS: usize = 200;

/// Rows given up in a row, after which a table gets no more.
const PATIENCE: usize = 2;

/// In rows with values at the edge: how many of a hundred values are.
const EDGE: usize = 40;

/// Rows that a foreign key may choose among.
const PARENTS: usize = 16;

/// What rows are to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'w> {
    /// How many in a table.
    pub rows: usize,
    /// How many there are already; later rows differ from them.
    pub first: usize,
    pub seed: u64,
    pub kind: Rows,
    /// Columns that hold JSON.
    pub json: &'w BTreeSet<String>,
    /// Tables that get none.
    pub without: &'w BTreeSet<String>,
}

/// Adds rows to every table that can take some.
pub(super) fn fill(conn: &Connection, schema: &Schema, wish: Wish<'_>) -> rusqlite::Result<Filled> {
    let Wish { rows, first, seed, kind, json, without } = wish;
    let foreign_keys: bool = conn.query_row("PRAGMA foreign_keys", [], |row| row.get(0))?;
    conn.pragma_update(None, "foreign_keys", true)?;
    let mut filled = Filled::default();
    // Twice: what refers to itself around a corner finds its parents the second time.
    for (round, rows) in [rows.div_ceil(2), rows / 2].into_iter().enumerate() {
        for table in parents_first(schema).into_iter().filter(|table| !without.contains(&fold(&table.name))) {
            let random = Random::new(seed ^ round as u64, &fold(&table.name));
            filled += Filling { conn, schema, table, fields: fields(table, json), random, kind, first: first + round }
                .run(rows);
        }
    }
    let is_wanted = |table: &&VirtualTable| takes_rows(schema, table) && !without.contains(&fold(&table.name));
    for table in schema.virtual_tables.iter().filter(is_wanted) {
        filled += fill_virtual(
            conn,
            table,
            first..first + rows,
            kind == Rows::Edge,
            &mut Random::new(seed, &fold(&table.name)),
        );
    }
    conn.pragma_update(None, "foreign_keys", foreign_keys)?;
    Ok(filled)
}

/// Tables in an order in which parents stand before their children, as far as there is one.
fn parents_first(schema: &Schema) -> Vec<&Table> {
    let mut left: Vec<&Table> = schema.tables.iter().map(|t| &**t).collect();
    let mut order: Vec<&Table> = Vec::with_capacity(left.len());
    let mut placed: HashSet<String> = HashSet::new();
    while !left.is_empty() {
        let waits = |table: &&Table, also_optional: bool| {
            table.foreign_keys.iter().any(|key| {
                let parent = fold(&key.parent);
                let is_optional = || key.columns.iter().any(|name| !is_required(table, name));
                schema.table(&parent).is_some()
                    && !same_name(&parent, &table.name)
                    && !placed.contains(&parent)
                    && (also_optional || !is_optional())
            })
        };
        let free = left.iter().position(|table| !waits(table, true));
        let at = free.or_else(|| left.iter().position(|table| !waits(table, false))).unwrap_or(0);
        let table = left.remove(at);
        placed.insert(fold(&table.name));
        order.push(table);
    }
    order
}

fn is_required(table: &Table, column: &str) -> bool {
    table.in_primary_key(column) || table.column(column).is_some_and(|column| column.not_null.is_some())
}

fn fields(table: &Table, json: &BTreeSet<String>) -> Vec<Field> {
    table.columns.iter().map(|column| Field::new(table, column, json)).filter(|field| !field.generated).collect()
}

/// One table that gets rows.
struct Filling<'f> {
    conn: &'f Connection,
    schema: &'f Schema,
    table: &'f Table,
    fields: Vec<Field>,
    random: Random,
    kind: Rows,
    first: usize,
}

/// What a row is to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavor {
    Plain,
    /// NULL wherever it may stand.
    Sparse,
    /// The values of the first row, where the table allows that.
    Twin,
    /// Values at the edge, and some NULLs.
    Edge,
}

/// A row by column; what is left out gets its default.
type Row = BTreeMap<usize, Value>;

impl Filling<'_> {
    fn run(mut self, rows: usize) -> Filled {
        let mut filled = Filled::default();
        let mut in_a_row = 0;
        for n in 0..rows {
            if in_a_row == PATIENCE {
                filled.given_up += rows - n;
                break;
            }
            // Numbers of the two rounds do not meet.
            let n = (self.first + n * 2 + 1) as i64;
            match self.insert(n) {
                true => (filled.made, in_a_row) = (filled.made + 1, 0),
                false => (filled.given_up, in_a_row) = (filled.given_up + 1, in_a_row + 1),
            }
        }
        filled
    }

    fn insert(&mut self, n: i64) -> bool {
        let mut row = Row::new();
        let flavor = match (self.kind, n) {
            (Rows::Sparse, _) | (Rows::Edge, 3) => Flavor::Sparse,
            (Rows::Edge, 5) => Flavor::Twin,
            (Rows::Edge, 4..) => Flavor::Edge,
            _ => Flavor::Plain,
        };
        for at in 0..self.fields.len() {
            self.choose(&mut row, at, n, Some(flavor));
        }
        self.refer(&mut row, None);
        let mut tries: BTreeMap<usize, usize> = BTreeMap::new();
        for attempt in 0..ATTEMPTS {
            let Err(e) = self.try_insert(&row) else { return true };
            let again = |attempt: usize| n + 1000 * (attempt as i64 + 1);
            let wrong = self.wrong_columns(&e);
            let is_key = extended_code(&e) == ffi::SQLITE_CONSTRAINT_FOREIGNKEY;
            // One value that is wrong by itself: what its CHECK may want, one after the other.
            if let [at] = wrong.as_slice()
                && extended_code(&e) == ffi::SQLITE_CONSTRAINT_CHECK
                && let Some(wanted) = self.fields.get(*at).map(|field| &field.wanted)
            {
                let count = tries.entry(*at).or_default();
                let start = n.unsigned_abs() as usize;
                *count += 1;
                if let Some(value) =
                    wanted.get((start + *count) % wanted.len().max(1)).filter(|_| *count <= wanted.len())
                {
                    row.insert(*at, value.clone());
                    continue;
                }
            }
            for at in &wrong {
                // Late attempts leave out what has a default, which its CHECK accepts.
                if attempt > ATTEMPTS / 2 && self.fields[*at].has_default {
                    row.remove(at);
                } else {
                    self.choose(&mut row, *at, again(attempt), None);
                }
            }
            let keys = self.table.foreign_keys.iter();
            let among =
                |key: &ForeignKey| key.columns.iter().any(|name| wrong.iter().any(|at| self.is_field(*at, name)));
            let is_again: Vec<bool> = keys.map(|key| is_key || among(key)).collect();
            self.refer(&mut row, Some(&is_again));
        }
        false
    }

    fn is_field(&self, at: usize, name: &str) -> bool {
        self.fields.get(at).is_some_and(|field| same_name(&field.name, name))
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| same_name(&field.name, name))
    }

    /// A value for a column; without a flavor, after one that was refused.
    fn choose(&mut self, row: &mut Row, at: usize, n: i64, flavor: Option<Flavor>) {
        let (field, random) = (&self.fields[at], &mut self.random);
        if field.is_rowid {
            row.remove(&at);
            return;
        }
        let (nulls, wanted) = match flavor {
            Some(Flavor::Sparse) => (100, 50),
            Some(Flavor::Edge) => (20, 50),
            Some(Flavor::Plain | Flavor::Twin) => (0, 50),
            None => (30, 80),
        };
        let value = if !field.not_null && random.chance(nulls) {
            Value::Null
        } else if !field.wanted.is_empty() && random.chance(wanted) {
            random.pick(&field.wanted).cloned().unwrap_or(Value::Null)
        } else if flavor == Some(Flavor::Edge) && random.chance(EDGE) {
            field.edge(n, random)
        } else {
            let n = if flavor == Some(Flavor::Twin) { 1 } else { n };
            field.plain(n, random)
        };
        row.insert(at, value);
    }

    /// Gives the columns of foreign keys the keys of rows that are there: of all of them, or of those that are marked.
    fn refer(&mut self, row: &mut Row, which: Option<&[bool]>) {
        let mut keys: Vec<(usize, &ForeignKey)> = self.table.foreign_keys.iter().enumerate().collect();
        // The widest first: a narrow key that shares a column with it follows from it.
        keys.sort_by_key(|(_, key)| std::cmp::Reverse(key.columns.len()));
        let mut set: HashSet<usize> = HashSet::new();
        for (n, key) in keys {
            if which.is_some_and(|which| !which[n]) {
                continue;
            }
            let places: Vec<usize> = key.columns.iter().filter_map(|name| self.place(name)).collect();
            if places.len() != key.columns.len() || places.iter().any(|at| set.contains(at)) {
                continue;
            }
            let parents = self.parents(key);
            let is_nullable = places.iter().any(|at| !self.fields[*at].not_null);
            match self.random.pick(&parents) {
                Some(parent) => {
                    for (at, value) in places.iter().zip(parent) {
                        row.insert(*at, value.clone());
                    }
                }
                None if is_nullable => {
                    for at in places.iter().filter(|at| !self.fields[**at].not_null) {
                        row.insert(*at, Value::Null);
                    }
                }
                // Nobody is there but the row itself.
                None if same_name(&key.parent, &self.table.name) => self.refer_to_itself(row, key, &places),
                None => {}
            }
            set.extend(places);
        }
    }

    fn refer_to_itself(&self, row: &mut Row, key: &ForeignKey, places: &[usize]) {
        for (at, name) in places.iter().zip(parent_columns(self.schema, key)) {
            let Some(own) = self.place(&name) else { return };
            let value = match row.get(&own) {
                Some(value) => value.clone(),
                None => Value::Integer(1),
            };
            row.insert(own, value.clone());
            row.insert(*at, value);
        }
    }

    /// Keys of rows that a foreign key can refer to.
    fn parents(&self, key: &ForeignKey) -> Vec<Vec<Value>> {
        let columns: Vec<String> = parent_columns(self.schema, key).iter().map(|name| quote_name(name)).collect();
        if columns.is_empty() || columns.len() != key.columns.len() {
            return Vec::new();
        }
        let is_there: Vec<String> = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
        let sql = format!(
            "SELECT {} FROM main.{} WHERE {} LIMIT {PARENTS}",
            columns.join(", "),
            quote_name(&key.parent),
            is_there.join(" AND ")
        );
        read_rows(self.conn, &sql, columns.len()).unwrap_or_default()
    }

    fn try_insert(&self, row: &Row) -> rusqlite::Result<()> {
        let names: Vec<String> = row.keys().map(|at| quote_name(&self.fields[*at].name)).collect();
        insert(self.conn, &self.table.name, &names, row.values())
    }

    /// The columns that SQLite's answer is about; all of them where it does not say.
    fn wrong_columns(&self, e: &rusqlite::Error) -> Vec<usize> {
        let message = e.to_string();
        let about = message.split_once("failed: ").map(|(_, about)| about).unwrap_or_default();
        let named = |name: &str| self.fields.iter().position(|field| same_name(&field.name, name));
        let wrong: Vec<usize> = match extended_code(e) {
            ffi::SQLITE_CONSTRAINT_CHECK => {
                let is_it = |name: &Option<String>, text: &str| {
                    name.as_deref() == Some(about) || text.split_whitespace().eq(about.split_whitespace())
                };
                let mut checks = self.table.checks.iter();
                let check = checks.find(|check| is_it(&check.name, check.expression.text()));
                let text = check.map(|check| check.expression.text()).unwrap_or_default();
                let tokens = tokenize(text).unwrap_or_default();
                let words = tokens.iter().filter(|token| token.kind != TokenKind::String);
                words.filter_map(|token| named(&token.name(text)?)).collect()
            }
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => return Vec::new(),
            // `t.a, t.b`
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_NOTNULL
            | ffi::SQLITE_CONSTRAINT_ROWID => {
                about.split(", ").filter_map(|path| named(path.rsplit('.').next()?)).collect()
            }
            _ => Vec::new(),
        };
        let distinct: BTreeSet<usize> = wrong.into_iter().collect();
        match distinct.is_empty() {
            true => (0..self.fields.len()).collect(),
            false => distinct.into_iter().collect(),
        }
    }
}

fn extended_code(e: &rusqlite::Error) -> std::ffi::c_int {
    e.sqlite_error().map_or(0, |e| e.extended_code)
}

/// The columns that a foreign key refers to, also where it does not name them.
fn parent_columns(schema: &Schema, key: &ForeignKey) -> Vec<String> {
    if !key.parent_columns.is_empty() {
        return key.parent_columns.clone();
    }
    let parts =
        schema.table(&key.parent).and_then(|table| table.primary_key.as_ref()).map(|key| key.columns.as_slice());
    let names = parts.unwrap_or_default().iter().filter_map(|part| match &part.term {
        KeyTerm::Column(name) => Some(name.clone()),
        KeyTerm::Expression(_) => None,
    });
    names.collect()
}

fn insert<'v>(
    conn: &Connection,
    table: &str,
    names: &[String],
    values: impl Iterator<Item = &'v Value>,
) -> rusqlite::Result<()> {
    let table = quote_name(table);
    let sql = if names.is_empty() {
        format!("INSERT INTO main.{table} DEFAULT VALUES")
    } else {
        let places = vec!["?"; names.len()].join(", ");
        format!("INSERT INTO main.{table} ({}) VALUES ({places})", names.join(", "))
    };
    let made = conn.prepare_cached(&sql)?.execute(params_from_iter(values))?;
    // A trigger or a conflict clause may leave a row out without an error.
    if made == 0 { Err(rusqlite::Error::QueryReturnedNoRows) } else { Ok(()) }
}

fn read_rows(conn: &Connection, sql: &str, columns: usize) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| (0..columns).map(|n| row.get(n)).collect())?;
    rows.collect()
}

/// Whether rows can be put into a virtual table without breaking what keeps it in step with another one.
fn takes_rows(schema: &Schema, table: &VirtualTable) -> bool {
    let is_text = table.module.len() == 4 && table.module.get(..3).is_some_and(|start| same_name(start, "fts"));
    let is_tree = table.module.get(..5).is_some_and(|start| same_name(start, "rtree"));
    let is_named = |trigger: &whimbrel_core::schema::Trigger| {
        let text = trigger.body.text();
        let tokens = tokenize(text).unwrap_or_default();
        tokens.iter().any(|token| token.name(text).is_some_and(|name| same_name(&name, &table.name)))
    };
    (is_text || is_tree) && !has_foreign_content(table) && !schema.triggers.iter().any(is_named)
}

/// Whether what the table shows lies in another table, or nowhere.
pub(super) fn has_foreign_content(table: &VirtualTable) -> bool {
    table.arguments.iter().any(|argument| {
        let words: String = argument.text().split_whitespace().collect();
        words.get(..8).is_some_and(|start| same_name(start, "content="))
    })
}

fn fill_virtual(
    conn: &Connection,
    table: &VirtualTable,
    rows: std::ops::Range<usize>,
    edge: bool,
    random: &mut Random,
) -> Filled {
    let names = || -> rusqlite::Result<Vec<String>> {
        let mut statement = conn.prepare("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0")?;
        let names = statement.query_map([&table.name], |row| row.get(0))?;
        names.collect()
    };
    // A module that this connection does not know takes nothing.
    let Ok(names) = names() else { return Filled { made: 0, given_up: rows.len() } };
    let quoted: Vec<String> = names.iter().map(|name| quote_name(name)).collect();
    let is_tree = !same_name(table.module.get(..3).unwrap_or_default(), "fts");
    let mut filled = Filled::default();
    for n in rows {
        let n = n as i64 + 1;
        let value = |(at, name): (usize, &String)| match is_tree {
            // The id, then pairs of least and greatest.
            true if at == 0 => Value::Integer(n),
            true => Value::Real(n as f64 + at as f64),
            false if edge && random.chance(EDGE) => Value::Text(String::new()),
            false => Value::Text(format!("{name} {n}")),
        };
        let values: Vec<Value> = names.iter().enumerate().map(value).collect();
        match insert(conn, &table.name, &quoted, values.iter()) {
            Ok(()) => filled.made += 1,
            Err(_) => filled.given_up += 1,
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(sql: &str, kind: Rows, seed: u64) -> (Connection, Filled) {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(sql).unwrap();
        let schema = Schema::from_sql(sql).unwrap();
        let (json, without) = Default::default();
        let filled =
            fill(&conn, &schema, Wish { rows: 6, first: 0, seed, kind, json: &json, without: &without }).unwrap();
        (conn, filled)
    }

    /// All rows come in, whatever their kind.
    fn takes_all(sql: &str) -> Connection {
        let mut last = None;
        for kind in [Rows::Plain, Rows::Sparse, Rows::Edge] {
            for seed in 0..5 {
                let (conn, filled) = filled(sql, kind, seed);
                let tables = Schema::from_sql(sql).unwrap();
                let tables = tables.tables.len() + tables.virtual_tables.len();
                assert_eq!(filled, Filled { made: tables * 6, given_up: 0 }, "{kind:?}, seed {seed}: {sql}");
                let violations: i64 =
                    conn.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
                assert_eq!(violations, 0, "{sql}");
                last = Some(conn);
            }
        }
        last.unwrap()
    }

    #[test]
    fn rows_for_every_kind_of_table() {
        takes_all("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT NOT NULL UNIQUE, b, c REAL NOT NULL)");
        takes_all("CREATE TABLE t(a TEXT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID");
        takes_all("CREATE TABLE t(i INT NOT NULL, j INTEGER, r REAL NOT NULL, t TEXT, b BLOB NOT NULL, y ANY) STRICT");
        takes_all(
            "CREATE TABLE t(a TEXT, b TEXT GENERATED ALWAYS AS (upper(a)) STORED, c AS (a || 'x') VIRTUAL NOT NULL)",
        );
        takes_all("CREATE TABLE \"a table\"(\"a column\" TEXT, \"select\" INT, rowid TEXT)");
        takes_all("CREATE TABLE t(id INTEGER PRIMARY KEY)");
        takes_all("CREATE VIRTUAL TABLE f USING fts5(title, body, tokenize = 'porter')");
        takes_all("CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, y0, y1)");
    }

    #[test]
    fn checks_are_met() {
        takes_all(
            "CREATE TABLE t(
               state TEXT NOT NULL CHECK (state IN ('open', 'shut')),
               n INT NOT NULL CHECK (n BETWEEN 5 AND 9),
               price REAL CHECK (price > 1000.5),
               code TEXT NOT NULL CHECK (length(code) = 12),
               mail TEXT NOT NULL CHECK (mail LIKE '%@%.%'),
               data TEXT NOT NULL CHECK (json_valid(data)),
               digits TEXT NOT NULL CHECK (digits NOT GLOB '*[^0-9]*' AND digits <> ''),
               key BLOB NOT NULL CHECK (length(key) = 16 AND typeof(key) = 'blob'),
               a INT, b INT, CHECK ((a IS NULL) <> (b IS NULL)))",
        );
    }

    #[test]
    fn parents_are_there() {
        takes_all(
            "CREATE TABLE child(p INT NOT NULL REFERENCES parent(id), q TEXT NOT NULL, r INT NOT NULL,
               FOREIGN KEY (q, r) REFERENCES pair(q, r));
             CREATE TABLE pair(q TEXT, r INT, PRIMARY KEY (q, r)) WITHOUT ROWID;
             CREATE TABLE parent(id INTEGER PRIMARY KEY);
             CREATE TABLE one_each(id INTEGER PRIMARY KEY REFERENCES parent(id) ON DELETE CASCADE, x TEXT);",
        );
        // Itself, and in a circle that opens where NULL may stand.
        takes_all("CREATE TABLE node(id INTEGER PRIMARY KEY, up INT NOT NULL REFERENCES node(id))");
        takes_all("CREATE TABLE node(id TEXT PRIMARY KEY, up TEXT NOT NULL REFERENCES node)");
        takes_all(
            "CREATE TABLE a(id INTEGER PRIMARY KEY, b INT REFERENCES b(id));
             CREATE TABLE b(id INTEGER PRIMARY KEY, a INT NOT NULL REFERENCES a(id));",
        );
    }

    #[test]
    fn what_no_row_fits_is_given_up_and_counted() {
        let (_, none) = filled("CREATE TABLE t(a CHECK (0))", Rows::Plain, 0);
        assert_eq!(none, Filled { made: 0, given_up: 6 });
        let (conn, one) = filled("CREATE TABLE t(a INTEGER PRIMARY KEY CHECK (a = 1), b)", Rows::Plain, 0);
        assert_eq!(one, Filled { made: 1, given_up: 5 });
        assert!(conn.pragma_query_value(None, "foreign_keys", |row| row.get::<_, bool>(0)).unwrap());
        let refused = "CREATE TABLE t(a); CREATE TRIGGER r BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'no'); END;";
        assert_eq!(filled(refused, Rows::Edge, 0).1.given_up, 6);
        let orphan = "CREATE TABLE t(a INT NOT NULL REFERENCES nowhere(id))";
        assert_eq!(filled(orphan, Rows::Edge, 0).1.given_up, 6);
    }

    #[test]
    fn triggers_run_and_what_they_fill_is_left_to_them() {
        let sql = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);
                   CREATE VIRTUAL TABLE found USING fts5(body, content = 'notes', content_rowid = 'id');
                   CREATE VIRTUAL TABLE own USING fts5(body);
                   CREATE TRIGGER n AFTER INSERT ON notes BEGIN
                     INSERT INTO found(rowid, body) VALUES (new.id, new.body);
                     INSERT INTO own(rowid, body) VALUES (new.id, new.body);
                   END;";
        let (conn, filled) = filled(sql, Rows::Plain, 0);
        assert_eq!(filled.made, 6);
        let found: i64 = conn.query_row("SELECT count(*) FROM found('body')", [], |row| row.get(0)).unwrap();
        assert_eq!(found, 6);
        conn.execute_batch("INSERT INTO found(found) VALUES ('integrity-check')").unwrap();
    }

    #[test]
    fn the_seed_decides() {
        let sql = "CREATE TABLE t(a TEXT, b REAL, c BLOB, d); CREATE TABLE u(t INT REFERENCES t(rowid), uuid TEXT)";
        let rows = |seed, kind| {
            let (conn, _) = filled(sql, kind, seed);
            let sql = "SELECT group_concat(quote(a) || quote(b) || quote(c) || quote(d) || length(a)) FROM t";
            conn.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap()
        };
        assert_eq!(rows(1, Rows::Edge), rows(1, Rows::Edge));
        assert_ne!(rows(1, Rows::Edge), rows(2, Rows::Edge));
        assert_ne!(rows(1, Rows::Edge), rows(1, Rows::Plain));
    }
}
