//! The files that everybody works on: made once in a run, by SQL alone, the same ones each time.
//!
//! A fixture is a folder with `app.db` where a database is needed, `migrations/` where scripts are, and one declared schema
//! per case that compares with one: `type.sql`, `unchanged.sql` and so on. Contestants read what they need of it. Where the
//! database is a server's, `before.sql` makes it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use peer_protocol::Outcome;
use rusqlite::Connection;

/// What a case works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixture {
    /// Scripts that make so many tables.
    History {
        /// How many scripts.
        migrations: usize,
        /// How many tables.
        tables: usize,
    },
    /// An app's database with so many tables, and two declared schemas: `unchanged.sql` and `changed.sql`.
    Tables(usize),
    /// A table with so many rows, five columns and two indexes.
    Rows(usize),
    /// The same with a CHECK and a foreign key.
    Constrained(usize),
    /// So many tables in PostgreSQL, with three indexes each, and `changed.sql`.
    ServerTables(usize),
    /// A table with so many rows in PostgreSQL.
    ServerRows(usize),
}

impl Fixture {
    /// The name of its folder.
    fn name(self) -> String {
        match self {
            Fixture::History { migrations, tables } => format!("history-{migrations}-{tables}"),
            Fixture::Tables(tables) => format!("tables-{tables}"),
            Fixture::Rows(rows) => format!("rows-{rows}"),
            Fixture::Constrained(rows) => format!("constrained-{rows}"),
            Fixture::ServerTables(tables) => format!("server-tables-{tables}"),
            Fixture::ServerRows(rows) => format!("server-rows-{rows}"),
        }
    }

    /// Whether the database is a server's.
    pub fn is_on_server(self) -> bool {
        matches!(self, Fixture::ServerTables(_) | Fixture::ServerRows(_))
    }

    /// Its folder, made where it is not there yet.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn make(self, root: &Path) -> Outcome<PathBuf> {
        let folder = root.join(self.name());
        if !folder.exists() {
            fs::create_dir_all(&folder)?;
            match self {
                Fixture::History { migrations, tables } => history(&folder.join("migrations"), migrations, tables)?,
                Fixture::Tables(tables) => many_tables(&folder, tables)?,
                Fixture::Rows(rows) => items(&folder, rows, &PLAIN)?,
                Fixture::Constrained(rows) => items(&folder, rows, &CONSTRAINED)?,
                Fixture::ServerTables(tables) => many_server_tables(&folder, tables)?,
                Fixture::ServerRows(rows) => server_items(&folder, rows)?,
            }
        }
        Ok(folder)
    }
}

/// A fifth of the scripts makes an index, the others add columns, once the tables are there.
fn history(folder: &Path, migrations: usize, tables: usize) -> Outcome {
    fs::create_dir_all(folder)?;
    let mut made = 0;
    for number in 1..=migrations {
        // The tables are spread over the scripts; where there are more of them than scripts, the first makes the others.
        let due = if number == 1 {
            tables.saturating_sub(migrations - 1).max(1)
        } else {
            usize::from(is_due(number, migrations, tables))
        };
        let mut sql = String::new();
        for _ in 0..due.min(tables - made) {
            let _ = write!(
                sql,
                "CREATE TABLE table_{made} (\n  id INTEGER PRIMARY KEY,\n  title TEXT NOT NULL,\n  created_at INTEGER NOT NULL DEFAULT 0\n);\n"
            );
            made += 1;
        }
        if sql.is_empty() {
            let table = number % made;
            sql = match number % 5 {
                0 => format!("CREATE INDEX index_{number} ON table_{table} (created_at, title);\n"),
                _ => format!("ALTER TABLE table_{table} ADD COLUMN column_{number} TEXT;\n"),
            };
        }
        fs::write(folder.join(format!("{number:04}_change_{number}.sql")), sql)?;
    }
    Ok(())
}

fn is_due(number: usize, migrations: usize, tables: usize) -> bool {
    tables >= migrations || (number - 1) % migrations.div_ceil(tables) == 0
}

/// One of an app's tables. Every third refers to the one before it, every second has an index.
fn table(n: usize, amount: &str) -> String {
    let mut sql = format!(
        "CREATE TABLE table_{n} (\n  id INTEGER PRIMARY KEY,\n  name TEXT NOT NULL,\n  amount {amount},\n  \
         created_at INTEGER NOT NULL DEFAULT 0,\n  note TEXT"
    );
    if n % 3 == 2 {
        let _ = write!(sql, ",\n  parent INTEGER REFERENCES table_{} (id)", n - 1);
    }
    sql.push_str("\n);\n");
    if n % 2 == 0 {
        let _ = writeln!(sql, "CREATE INDEX table_{n}_name ON table_{n} (name);");
    }
    sql
}

fn many_tables(folder: &Path, tables: usize) -> Outcome {
    let unchanged: String = (0..tables).map(|n| table(n, "REAL")).collect();
    let changed: String = (0..tables).map(|n| table(n, if n == tables / 2 { "TEXT" } else { "REAL" })).collect();
    let conn = Connection::open(folder.join("app.db"))?;
    conn.execute_batch(&format!("PRAGMA synchronous = OFF; BEGIN; {unchanged} COMMIT"))?;
    fs::write(folder.join("unchanged.sql"), unchanged)?;
    fs::write(folder.join("changed.sql"), changed)?;
    Ok(())
}

/// A table of items in the words of its columns, with what the cases declare instead.
struct Items {
    columns: &'static [(&'static str, &'static str)],
    cases: &'static [Declared],
}

/// What a case declares: its name, and the columns that are other than before. An empty text is a column that goes.
type Declared = (&'static str, &'static [(&'static str, &'static str)]);

const PLAIN: Items = Items {
    columns: &[
        ("id", "INTEGER PRIMARY KEY"),
        ("name", "TEXT NOT NULL"),
        ("price", "TEXT"),
        ("created", "BIGINT NOT NULL"),
        ("note", "TEXT"),
    ],
    cases: &[
        ("type", &[("price", "INTEGER")]),
        ("same-storage", &[("created", "INTEGER NOT NULL")]),
        ("set-not-null", &[("note", "TEXT NOT NULL")]),
        ("add-check", &[("note", "TEXT CONSTRAINT note_is_there CHECK (length(note) > 0)")]),
        ("set-default", &[("note", "TEXT DEFAULT 'none'")]),
        ("add-column", &[("stock", "INTEGER NOT NULL DEFAULT 0")]),
        ("drop-column", &[("note", "")]),
        (
            "five-changes",
            &[
                ("name", "TEXT NOT NULL CONSTRAINT name_is_there CHECK (length(name) > 0)"),
                ("price", "INTEGER NOT NULL"),
                ("created", "INTEGER NOT NULL"),
                ("note", ""),
                ("stock", "INTEGER NOT NULL DEFAULT 0"),
            ],
        ),
    ],
};

const CONSTRAINED: Items = Items {
    columns: &[
        ("id", "INTEGER PRIMARY KEY"),
        ("name", "TEXT NOT NULL"),
        ("price", "TEXT CONSTRAINT price_is_there CHECK (length(price) > 0)"),
        ("created", "BIGINT NOT NULL"),
        ("shelf", "INTEGER REFERENCES shelves (id)"),
    ],
    cases: &[
        ("remove-check", &[("price", "TEXT")]),
        ("remove-foreign-key", &[("shelf", "INTEGER")]),
        ("remove-not-null", &[("name", "TEXT")]),
    ],
};

const INDEXES: &str = "CREATE INDEX items_name ON items (name);\nCREATE INDEX items_created ON items (created);\n";

/// The `CREATE TABLE` of items, where some columns are other than in the fixture.
fn items_table(columns: &[(&str, &str)], other: &[(&str, &str)]) -> String {
    let find = |name: &str| other.iter().find(|(n, _)| *n == name).map(|(_, text)| *text);
    let mut lines: Vec<String> = Vec::new();
    for (name, text) in columns {
        match find(name).unwrap_or(text) {
            "" => {}
            text => lines.push(format!("  {name} {text}")),
        }
    }
    let added = other.iter().filter(|(name, _)| columns.iter().all(|(n, _)| n != name));
    lines.extend(added.map(|(name, text)| format!("  {name} {text}")));
    format!("CREATE TABLE items (\n{}\n);\n", lines.join(",\n"))
}

fn items(folder: &Path, rows: usize, items: &Items) -> Outcome {
    const SHELVES: &str = "CREATE TABLE shelves (id INTEGER PRIMARY KEY, place TEXT NOT NULL);\n";
    let schema = |other| format!("{SHELVES}{}{INDEXES}", items_table(items.columns, other));
    for (case, other) in items.cases {
        fs::write(folder.join(format!("{case}.sql")), schema(other))?;
    }
    fs::write(folder.join("before.sql"), schema(&[]))?;
    let last = match items.columns.last() {
        Some(("shelf", _)) => "i % 100 + 1",
        _ => "printf('a note of some length on item %d, as people write them', i)",
    };
    // Names come in no order, as they do in an app; the index on them is what a careless copy suffers from.
    let conn = Connection::open(folder.join("app.db"))?;
    conn.execute_batch(&format!(
        "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; BEGIN; {SHELVES}{}
         WITH numbers(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM numbers WHERE i < 100)
         INSERT INTO shelves SELECT i, 'aisle ' || i FROM numbers;
         WITH numbers(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM numbers WHERE i < {rows})
         INSERT INTO items SELECT i, printf('item %08x', (i * 2654435761) % 4294967296), (i * 7919) % 100000,
           1700000000 + i * 7, {last} FROM numbers;
         {INDEXES} COMMIT",
        items_table(items.columns, &[]),
    ))?;
    Ok(())
}

/// With the one of its key, a table has three indexes.
fn server_table(n: usize, amount: &str) -> String {
    let name = format!("table_{n}");
    let parent = match n % 3 {
        2 => format!("integer REFERENCES table_{} (id)", n - 1),
        _ => "integer".to_owned(),
    };
    format!(
        "CREATE TABLE {name} (\n  id integer PRIMARY KEY,\n  name text NOT NULL,\n  amount {amount},\n  \
         created_at integer NOT NULL DEFAULT 0,\n  note text,\n  parent {parent}\n);\n\
         CREATE INDEX {name}_name ON {name} (name);\nCREATE INDEX {name}_parent ON {name} (parent);\n"
    )
}

fn many_server_tables(folder: &Path, tables: usize) -> Outcome {
    let unchanged: String = (0..tables).map(|n| server_table(n, "real")).collect();
    let changed: String = (0..tables).map(|n| server_table(n, if n == tables / 2 { "text" } else { "real" })).collect();
    fs::write(folder.join("before.sql"), unchanged)?;
    fs::write(folder.join("changed.sql"), changed)?;
    fs::write(folder.join("tables.txt"), tables.to_string())?;
    Ok(())
}

fn server_items(folder: &Path, rows: usize) -> Outcome {
    let schema = |note: &str, shelf: &str, indexes: &str| {
        format!(
            "CREATE TABLE shelves (id integer PRIMARY KEY, place text NOT NULL);\n\
             CREATE TABLE items (\n  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n  name text NOT NULL,\n  \
             price text,\n  created bigint NOT NULL,\n  note {note},\n  shelf {shelf}\n);\n\
             CREATE INDEX items_name ON items (name);\n{indexes}"
        )
    };
    let before = schema("text", "integer", "");
    fs::write(folder.join("pg-set-not-null.sql"), schema("text NOT NULL", "integer", ""))?;
    fs::write(folder.join("pg-foreign-key.sql"), schema("text", "integer REFERENCES shelves (id)", ""))?;
    fs::write(folder.join("pg-index.sql"), schema("text", "integer", "CREATE INDEX items_price ON items (price);\n"))?;
    let rows = format!(
        "INSERT INTO shelves SELECT i, 'aisle ' || i FROM generate_series(1, 100) i;
         INSERT INTO items (name, price, created, note, shelf)
           SELECT 'item ' || md5(i::text), (i::bigint * 7919 % 100000)::text, 1700000000 + i::bigint * 7,
             'a note of some length on item ' || i, i % 100 + 1 FROM generate_series(1, {rows}) i;\n"
    );
    fs::write(folder.join("before.sql"), before + &rows)?;
    Ok(())
}
