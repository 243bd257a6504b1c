//! An app that brings its database up to date when it opens it.
//!
//! The schema is part of the program. A database that is up to date is only read; one of an earlier version is
//! migrated; one that the program must not migrate is refused and stays as it is.
//!
//! `cargo run --example auto_migrate_on_open`
#![expect(clippy::print_stdout, reason = "the output is what the example is for")]

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use whimbrel::{Code, Schema, State};

/// Three releases of one app: what each has in its `include_str!("schema.sql")`.
const RELEASES: [&str; 3] = [
    "CREATE TABLE tasks(id INTEGER PRIMARY KEY, what TEXT);",
    "CREATE TABLE tasks(
       id   INTEGER PRIMARY KEY,
       what TEXT NOT NULL,                -- whimbrel: backfill '(nothing)'
       done INTEGER NOT NULL DEFAULT 0
     );
     CREATE INDEX tasks_open ON tasks(id) WHERE NOT done;",
    // A mistake: `done` is left out, and the users' ticks would be gone.
    "CREATE TABLE tasks(id INTEGER PRIMARY KEY, what TEXT NOT NULL);",
];

/// What an app calls instead of `Connection::open`.
fn open(path: &Path, schema: &str) -> Result<Connection, Box<dyn std::error::Error + Send + Sync>> {
    let mut db = Connection::open(path)?;
    // Several processes may start at once: the others wait here while one migrates.
    db.busy_timeout(Duration::from_secs(10))?;
    // Register functions and collations of your own before this line: the schema may need them.
    let report = whimbrel::push(&mut db, &Schema::from_sql(schema)?)?;
    db.pragma_update(None, "foreign_keys", true)?;
    if report.changes > 0 {
        println!("   migrated; changes: {}, rows written again: {}", report.changes, report.rows);
    }
    Ok(db)
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tasks.db");

    println!("Release 1 starts for the first time.");
    let db = open(&path, RELEASES[0])?;
    db.execute_batch("INSERT INTO tasks(what) VALUES ('count the waders'), (NULL), ('mend the telescope')")?;
    drop(db);

    println!("Release 1 starts again.");
    let before = std::fs::read(&path)?;
    drop(open(&path, RELEASES[0])?);
    println!("   nothing to do, and no byte written: {}", std::fs::read(&path)? == before);

    println!("Release 2 starts in four processes at once.");
    std::thread::scope(|scope| {
        let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| open(&path, RELEASES[1]).map(drop))).collect();
        starts.into_iter().try_for_each(|start| start.join().unwrap_or_else(|_| Err("a thread panicked".into())))
    })?;
    let db = open(&path, RELEASES[1])?;
    let mut rows = db.prepare("SELECT id, what, done FROM tasks")?;
    let rows =
        rows.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?)))?;
    for row in rows {
        let (id, what, done) = row?;
        println!("   {id} {} {what}", if done { "[x]" } else { "[ ]" });
    }

    println!("Release 3 would drop the column `done`.");
    let before = std::fs::read(&path)?;
    match open(&path, RELEASES[2]) {
        Ok(_) => println!("   it was opened, which must not happen"),
        Err(e) => match e.downcast::<whimbrel::Error>() {
            // An app would show this to its developers, and keep running the release that fits the database.
            Ok(e) if e.code() == Code::DataLoss && e.report().state == State::Unchanged => println!("   refused: {e}"),
            Ok(e) => return Err(e),
            Err(e) => return Err(e),
        },
    }
    println!("   the file is as it was: {}", std::fs::read(&path)? == before);
    Ok(())
}
