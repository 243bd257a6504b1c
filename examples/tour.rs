//! A database with rows, brought from one version of its schema to the next.
//!
//! `cargo run --example tour` works in a temporary folder and leaves nothing behind. With a folder as argument, the
//! database stays there, to be looked at with `whimbrel` or `sqlite3`.
#![expect(clippy::print_stdout, reason = "the output is what the example is for")]

use std::error::Error;
use std::path::PathBuf;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use whimbrel::{Planner, Schema};

const VERSION_1: &str = include_str!("notes/v1.sql");
const VERSION_2: &str = include_str!("notes/v2.sql");
const ROWS: &str = include_str!("notes/rows.sql");

fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let folder = std::env::args_os().nth(1).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("notes.db");
    if path.exists() {
        return Err(format!("{} exists already: name another folder", path.display()).into());
    }
    let mut db = Connection::open(&path)?;

    println!("1. A new database gets the schema of version 1, and rows.\n");
    whimbrel::push(&mut db, &Schema::from_sql(VERSION_1)?)?;
    db.execute_batch(ROWS)?;
    show(&db, "SELECT * FROM notes")?;
    show(&db, "SELECT * FROM tags")?;

    println!("2. The plan to version 2. Nothing has been written.\n");
    let schema = Schema::from_sql(VERSION_2)?;
    let plan = Planner::new(&schema).plan(&mut db)?;
    println!("{plan}");
    println!("   {:<10} {:<16} what it does", "how", "object");
    for step in &plan.steps {
        println!("   {:<10} {:<16} {}", step.strategy.as_str(), step.object, step.title);
        if let Some(reason) = &step.reason {
            println!("   {:<27} because: {reason}", "");
        }
    }

    println!("\n3. Running it: one transaction, verified before it is committed.\n");
    let report = plan.run(&mut db)?;
    println!("   changes: {}, steps: {}, rows written again: {}\n", report.changes, report.steps, report.rows);
    show(&db, "SELECT * FROM notes")?;
    show(&db, "SELECT * FROM tags")?;
    show(&db, "SELECT * FROM overview")?;

    println!("4. What the new form does not show.\n");
    db.execute("INSERT INTO notes(title, body) VALUES ('Next', 'this one is new')", [])?;
    println!("   The next id is {}: 41 was given out once, and is not given out again.", db.last_insert_rowid());
    db.execute("DELETE FROM notes WHERE id = 42", [])?;
    show(&db, "SELECT text AS \"written by the trigger\" FROM log")?;
    let one = |sql: &str| db.query_row(sql, [], |row| row.get::<_, String>(0));
    println!("   integrity: {}", one("PRAGMA integrity_check")?);
    println!("   rows without a parent: {}", one("SELECT CAST(count(*) AS TEXT) FROM pragma_foreign_key_check")?);

    println!("\n5. A second plan.\n");
    print!("   {}", Planner::new(&schema).plan(&mut db)?);

    println!("\n6. Back to version 1 would lose a column. It is refused, with what would be lost.\n");
    let back = Schema::from_sql(VERSION_1)?;
    let refused = Planner::new(&back).rename("notes.title", "titel")?.push(&mut db);
    match refused {
        Ok(_) => return Err("it was not refused".into()),
        Err(e) => println!("   {e}"),
    }

    db.close().map_err(|(_, e)| e)?;
    if folder != temporary.path() {
        println!("\nThe database is {}.", path.display());
    }
    Ok(())
}

/// Prints what a query gives.
fn show(db: &Connection, sql: &str) -> rusqlite::Result<()> {
    let mut statement = db.prepare(sql)?;
    let mut table = vec![statement.column_names().map(str::to_owned).collect::<Vec<_>>()];
    let columns = table[0].len();
    let cells = |row: &Row<'_>| (0..columns).map(|n| Ok(cell(row.get_ref(n)?))).collect::<rusqlite::Result<Vec<_>>>();
    table.extend(statement.query_map([], cells)?.collect::<rusqlite::Result<Vec<_>>>()?);
    let width = |n: usize| table.iter().map(|row| row[n].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in &table {
        let line: Vec<String> = row.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}")).collect();
        println!("   {}", line.join("  ").trim_end());
    }
    println!();
    Ok(())
}

fn cell(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(n) => n.to_string(),
        ValueRef::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}
