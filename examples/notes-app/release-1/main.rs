//! Release 1 of the notes app: a text, and whether it is done.
//!
//! `cargo run -p notes-app --bin release-1 -- notes.db add "Count the waders"`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the terminal is what the app is for")]

use std::process::ExitCode;

use rusqlite::Connection;
use whimbrel::{Code, Migrator, UpgradeKind};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "Notes, release 1

  release-1 FILE add TEXT
  release-1 FILE list
  release-1 FILE done NUMBER";

/// What the app calls instead of `Connection::open`.
fn open(path: &str) -> Result<Connection, Failure> {
    let mut db = Connection::open(path)?;
    let upgrade = Migrator::new(whimbrel::embed!("release-1/migrations"))
        .before_open(|db, _| Ok(db.pragma_update(None, "foreign_keys", true)?))
        .backup(1)
        .run(&mut db)?;
    match upgrade.kind {
        UpgradeKind::Created => eprintln!("{path} is new."),
        UpgradeKind::Upgraded => eprintln!("{path} is up to date now; a backup lies beside it."),
        UpgradeKind::Newer { writable: false } => eprintln!("{path} is of a newer release: it can only be read."),
        _ => {}
    }
    Ok(db)
}

fn run(arguments: &[&str]) -> Result<(), Failure> {
    match arguments {
        [path, "add", text] => {
            let db = open(path)?;
            db.execute("INSERT INTO notes(text) VALUES (?1)", [text])?;
            println!("{}", db.last_insert_rowid());
        }
        [path, "list"] => {
            let db = open(path)?;
            let mut notes = db.prepare("SELECT id, done, text FROM notes ORDER BY done, id")?;
            let mut rows = notes.query([])?;
            while let Some(row) = rows.next()? {
                let mark = if row.get(1)? { 'x' } else { ' ' };
                println!("{:>4} [{mark}] {}", row.get::<_, i64>(0)?, row.get::<_, String>(2)?);
            }
        }
        [path, "done", id] => match open(path)?.execute("UPDATE notes SET done = 1 WHERE id = ?1", [id])? {
            0 => return Err(format!("there is no note {id}").into()),
            _ => println!("done"),
        },
        _ => println!("{USAGE}"),
    }
    Ok(())
}

/// What a user reads who cannot be expected to know about migrations.
fn explain(e: &Failure) -> String {
    let Some(e) = e.downcast_ref::<whimbrel::Error>() else { return e.to_string() };
    let message = match e.code() {
        Code::DatabaseNewer => "These notes were written by a newer release. Please update; nothing was changed.",
        Code::OtherApplication | Code::NotTracked => "This file is not a database of notes. Nothing was changed.",
        Code::Busy => "Another window is at work on these notes. Please try again in a minute.",
        Code::Held => "These notes could not be brought up to date three times. They are safe; please report this.",
        _ => "These notes could not be brought up to date. They are as they were.",
    };
    format!("{message}\n({e})")
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Err(e) = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) else { return ExitCode::SUCCESS };
    eprintln!("{}", explain(&e));
    ExitCode::FAILURE
}
