//! A plan that is only looked at: what differs, how it would be done, what stands in the way, and the SQL.
//!
//! `cargo run --example dry_run` plans on an example. `cargo run --example dry_run -- app.db schema.sql` plans on a
//! database of yours, which is opened for reading only.
#![expect(clippy::print_stdout, reason = "the output is what the example is for")]

use std::error::Error;
use std::path::Path;

use rusqlite::Connection;
use whimbrel::plan::Hazard;
use whimbrel::sqlite_host::{self, Access};
use whimbrel::{Planner, Schema};

const DATABASE: &str = "
  CREATE TABLE users(id INTEGER PRIMARY KEY, mail TEXT, age TEXT, note TEXT);
  INSERT INTO users(mail, age, note) VALUES
    ('ann@example.org', '31', NULL), ('bob@example.org', '007', 'x'), ('ann@example.org', NULL, NULL);
  CREATE TABLE old_settings(name TEXT, value TEXT);
  INSERT INTO old_settings VALUES ('colour', 'teal'), ('size', 'L');
";

const SCHEMA: &str = "
  CREATE TABLE users(
    id   INTEGER PRIMARY KEY,
    mail TEXT NOT NULL UNIQUE,
    age  INTEGER NOT NULL,
    note TEXT
  );
  CREATE INDEX users_age ON users(age);
";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let (mut db, schema) = match arguments.as_slice() {
        [] => {
            let db = Connection::open_in_memory()?;
            db.execute_batch(DATABASE)?;
            (db, Schema::from_sql(SCHEMA)?)
        }
        [db, schema] => {
            let text = std::fs::read_to_string(schema)?;
            (sqlite_host::open(Path::new(db), Access::ReadOnly)?, Schema::from_sql(&text)?)
        }
        _ => return Err("give a database and a schema, or nothing".into()),
    };
    let changes_before = db.total_changes();

    let plan = Planner::new(&schema).show_rows(true).plan(&mut db)?;
    if plan.is_empty() {
        println!("No changes.");
        return Ok(());
    }
    println!("What differs:");
    for change in &plan.changes {
        println!("  {} {} {}", change.sign(), change.object_kind(), change.object());
        if let whimbrel::diff::Change::AlterTable(table) = change {
            table.parts.iter().for_each(|part| println!("      {} {}", part.sign(), part.describe()));
        }
    }
    println!("\nHow it would be done:");
    for step in &plan.steps {
        println!("  {} {}: {}", step.strategy, step.object, step.title);
        for hazard in &step.hazards {
            // Hazards are values too: a program can act on each kind.
            let mark = if matches!(hazard, Hazard::DataLoss { .. }) { "!" } else { " " };
            println!("    {mark} {hazard}");
        }
    }
    println!("\nWhat stands in the way:");
    for obstacle in &plan.obstacles {
        println!("  {} {}", obstacle.code(), obstacle.report().message);
        if let Some((line, column)) = obstacle.report().origin.line_and_column() {
            println!("        at line {line}, column {column} of the schema");
        }
        obstacle.report().help.iter().for_each(|help| println!("        {help}"));
    }
    for warning in &plan.warnings {
        println!("  note  {warning}");
    }
    println!("\nAs SQL:\n{}", plan.script());
    println!("Rows written while planning: {}", db.total_changes() - changes_before);

    // A plan with obstacles does not run; what it says is what stood in it.
    if let Some(obstacle) = plan.obstacles.first() {
        let refused = plan.run(&mut db).err().ok_or("it ran, which must not happen")?;
        println!("Running it: {} again, and nothing is changed.", refused.code());
        assert_eq!(refused.code(), obstacle.code());
    }
    Ok(())
}
