//! What a person who knows SQLite well would write by hand: the limit that Whimbrel is held against.
//!
//! Nothing is verified here, nothing can be resumed, and nobody is asked: it is the work itself and no more. Where there
//! are several ways, all of them run, and the fastest is the limit.

use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use peer_protocol::{Clock, Outcome, Request, Time, introduce, timed};
use rusqlite::Connection;
use rusqlite::backup::Backup;
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

pub fn run(request: &Request, case: &str, way: &str) -> Outcome {
    introduce("by hand", rusqlite::version());
    match case {
        "apply" | "start-prepare" => {
            let scripts = request.scripts()?;
            request.repeat(|file| {
                let mut conn = Connection::open(file)?;
                Ok(timed(|| {
                    let transaction = conn.transaction()?;
                    for script in &scripts {
                        transaction.execute_batch(&script.sql)?;
                    }
                    transaction.pragma_update(None, "user_version", scripts.len() as i64)?;
                    Ok(transaction.commit()?)
                })?
                .0)
            })
        }
        "start-check" | "start-open" => request.repeat(|file| start(file, case == "start-open", way == "both-numbers")),
        "new" => new(request, way),
        "diff" => diff(request, way),
        "backup" => request.repeat(|file| back_up(file, way)),
        _ => {
            let sql = statements(case, way).ok_or_else(|| format!("no such case: {}", request.case))?;
            request.repeat(|file| {
                let conn = Connection::open(file)?;
                conn.pragma_update(None, "foreign_keys", false)?;
                Ok(timed(|| execute(&conn, &sql))?.0)
            })
        }
    }
}

fn execute(conn: &Connection, sql: &str) -> Outcome {
    let sql = match sql.contains(RAISED_VERSION) {
        true => {
            let version: i64 = conn.query_row("PRAGMA schema_version", [], |row| row.get(0))?;
            sql.replace(RAISED_VERSION, &(version + 1).to_string())
        }
        false => sql.to_owned(),
    };
    Ok(conn.execute_batch(&sql)?)
}

/// Stands for SQLite's count of schema changes and one more, which tells other connections to read the schema again.
const RAISED_VERSION: &str = "{raised version}";

fn start(file: &Path, with_open: bool, both_numbers: bool) -> Outcome<Time> {
    let mut start = Instant::now();
    let conn = Connection::open(file)?;
    if !with_open {
        start = Instant::now();
    }
    let mut statement = conn.prepare("PRAGMA user_version")?;
    let mut rows = statement.query([])?;
    let version: Option<i64> = rows.next()?.map(|row| row.get(0)).transpose()?;
    if both_numbers {
        conn.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
    }
    drop(rows);
    drop(statement);
    let time = start.elapsed();
    match version {
        Some(0) | None => Err("the database has no version".into()),
        Some(_) => Ok(time.into()),
    }
}

/// A new database: the statements of its schema in one transaction, or a file that lies ready.
fn new(request: &Request, way: &str) -> Outcome {
    let model = request.folder.join("model.db");
    for end in ["", "-journal"] {
        let _ = fs::remove_file(format!("{}{end}", model.display()));
    }
    let conn = Connection::open(&model)?;
    conn.execute_batch("BEGIN")?;
    for script in request.scripts()? {
        conn.execute_batch(&script.sql)?;
    }
    conn.execute_batch("COMMIT")?;
    let mut statement = conn.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")?;
    let texts: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    drop(statement);
    conn.close().map_err(|(_, e)| e)?;
    let image = fs::read(&model)?;
    request.repeat(|file| match way {
        "image" => Ok(timed(|| {
            fs::write(file, &image)?;
            Ok(File::open(file)?.sync_all()?)
        })?
        .0),
        _ => {
            let mut conn = Connection::open(file)?;
            Ok(timed(|| {
                let transaction = conn.transaction()?;
                for text in &texts {
                    transaction.execute_batch(text)?;
                }
                transaction.pragma_update(None, "user_version", 1)?;
                Ok(transaction.commit()?)
            })?
            .0)
        }
    })
}

/// All that SQLite's catalogue tells, in the four queries that are needed at least.
const CATALOGUE: [&str; 4] = [
    "SELECT type, name, tbl_name, sql FROM sqlite_schema",
    "SELECT s.name, c.* FROM sqlite_schema s, pragma_table_xinfo(s.name) c WHERE s.type = 'table'",
    "SELECT s.name, i.*, c.* FROM sqlite_schema s, pragma_index_list(s.name) i, pragma_index_xinfo(i.name) c
     WHERE s.type = 'table'",
    "SELECT s.name, f.* FROM sqlite_schema s, pragma_foreign_key_list(s.name) f WHERE s.type = 'table'",
];

fn diff(request: &Request, way: &str) -> Outcome {
    let conn = Connection::open(&request.file)?;
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    request.repeat(|_| match way {
        "hash" => Ok(timed(|| {
            let mut hash = Sha256::new();
            walk(&conn, "SELECT type, name, tbl_name, sql FROM sqlite_schema", |value| {
                if let ValueRef::Text(text) = value {
                    hash.update(text);
                }
            })?;
            Ok(std::hint::black_box(hash.finalize()))
        })?
        .0),
        _ => Ok(timed(|| {
            let mut bytes = 0;
            for sql in CATALOGUE {
                walk(&conn, sql, |value| {
                    if let ValueRef::Text(text) = value {
                        bytes += text.len();
                    }
                })?;
            }
            Ok(std::hint::black_box(bytes))
        })?
        .0),
    })
}

fn walk(conn: &Connection, sql: &str, mut value: impl FnMut(ValueRef<'_>)) -> Outcome {
    let mut statement = conn.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            value(row.get_ref(column)?);
        }
    }
    Ok(())
}

fn back_up(file: &Path, way: &str) -> Outcome<Time> {
    let copy = file.with_extension("copy");
    let conn = Connection::open(file)?;
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let clock = Clock::start();
    match way {
        "file" => {
            fs::copy(file, &copy)?;
            File::open(&copy)?.sync_all()?;
        }
        "vacuum" => {
            conn.execute("VACUUM INTO ?1", [copy.to_str()])?;
        }
        _ => {
            let mut target = Connection::open(&copy)?;
            Backup::new(&conn, &mut target)?.step(-1)?;
            target.close().map_err(|(_, e)| e)?;
        }
    }
    let time = clock.stop();
    fs::remove_file(copy)?;
    Ok(time)
}

/// The statements of a way to change the table of items.
fn statements(case: &str, way: &str) -> Option<String> {
    const TYPE: &str = "name TEXT NOT NULL, price INTEGER, created BIGINT NOT NULL, note TEXT";
    const SAME_STORAGE: &str = "name TEXT NOT NULL, price TEXT, created INTEGER NOT NULL, note TEXT";
    const FIVE: &str = "name TEXT NOT NULL CONSTRAINT name_is_there CHECK (length(name) > 0), price INTEGER NOT NULL, \
                        created INTEGER NOT NULL, stock INTEGER NOT NULL DEFAULT 0";
    let sql = match (case, way) {
        ("type", "copy") => return Some(copied(TYPE, "SELECT *", Indexes::After)),
        ("type", "indexes-first") => return Some(copied(TYPE, "SELECT *", Indexes::Before)),
        ("type", "in-place") => {
            "BEGIN IMMEDIATE;
             ALTER TABLE items ADD COLUMN price_new INTEGER;
             UPDATE items SET price_new = price;
             ALTER TABLE items DROP COLUMN price;
             ALTER TABLE items RENAME COLUMN price_new TO price;
             COMMIT"
        }
        // With equal columns and indexes SQLite copies the trees and looks at no row.
        ("same-storage", "transfer") => return Some(copied(SAME_STORAGE, "SELECT *", Indexes::Before)),
        ("same-storage", "copy") => return Some(copied(SAME_STORAGE, "SELECT *", Indexes::After)),
        ("five-changes", "copy") => return Some(copied(FIVE, "SELECT id, name, price, created, 0", Indexes::After)),
        ("set-not-null", "scan") => "SELECT count(*) FROM items WHERE note IS NULL",
        ("set-not-null", "alter") => "ALTER TABLE items ALTER COLUMN note SET NOT NULL",
        ("add-check", "scan") => "SELECT count(*) FROM items WHERE NOT (length(note) > 0)",
        ("add-check", "alter") => "ALTER TABLE items ADD CONSTRAINT note_is_there CHECK (length(note) > 0)",
        ("remove-check", "alter") => "ALTER TABLE items DROP CONSTRAINT price_is_there",
        ("remove-not-null", "alter") => "ALTER TABLE items ALTER COLUMN name DROP NOT NULL",
        ("add-column", "alter") => "ALTER TABLE items ADD COLUMN stock INTEGER NOT NULL DEFAULT 0",
        ("drop-column", "alter") => "ALTER TABLE items DROP COLUMN note",
        ("remove-check", "catalogue") => {
            return Some(edited(" CONSTRAINT price_is_there CHECK (length(price) > 0)", ""));
        }
        ("remove-foreign-key", "catalogue") => return Some(edited(" REFERENCES shelves (id)", "")),
        ("remove-not-null", "catalogue") => return Some(edited("name TEXT NOT NULL", "name TEXT")),
        ("set-default", "catalogue") => return Some(edited("note TEXT", "note TEXT DEFAULT ''none''")),
        _ => return None,
    };
    Some(sql.to_owned())
}

/// When the indexes of a copy are made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Indexes {
    Before,
    After,
}

/// Makes the table anew with other columns behind its key.
fn copied(columns: &str, values: &str, indexes: Indexes) -> String {
    let create = |name: &str, table: &str| {
        format!("CREATE INDEX {name}_name ON {table} (name); CREATE INDEX {name}_created ON {table} (created);")
    };
    let (before, after) = match indexes {
        Indexes::Before => (create("items_new", "items_new"), String::new()),
        Indexes::After => (String::new(), create("items", "items")),
    };
    format!(
        "BEGIN IMMEDIATE;
         CREATE TABLE items_new (id INTEGER PRIMARY KEY, {columns});
         {before}
         INSERT INTO items_new {values} FROM items;
         DROP TABLE items;
         ALTER TABLE items_new RENAME TO items;
         {after}
         COMMIT"
    )
}

/// Replaces a part of the table's text in the catalogue.
fn edited(before: &str, after: &str) -> String {
    format!(
        "BEGIN IMMEDIATE;
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, '{before}', '{after}') WHERE type = 'table' AND name = 'items';
         PRAGMA schema_version = {RAISED_VERSION};
         PRAGMA writable_schema = OFF;
         COMMIT"
    )
}
