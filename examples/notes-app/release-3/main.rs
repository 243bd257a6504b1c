//! Release 3 of the notes app: notes have a title, and can be searched.
//!
//! `cargo run -p notes-app --bin release-3 -- notes.db search waders`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the terminal is what the app is for")]

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use rusqlite::Connection;
use whimbrel::{Code, History, Migrator, UpgradeKind};

type Failure = Box<dyn std::error::Error + Send + Sync>;

static MIGRATIONS: &History = whimbrel::embed!("release-3/migrations");

const USAGE: &str = "Notes, release 3

  release-3 FILE add TITLE [BODY]
  release-3 FILE list
  release-3 FILE search WORDS
  release-3 FILE tag NUMBER TAG
  release-3 FILE done NUMBER";

/// What the app calls instead of `Connection::open`.
fn open(path: &str) -> Result<Connection, Failure> {
    let mut db = Connection::open(path)?;
    let upgrade = with_steps(Migrator::new(MIGRATIONS))
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

/// The app's own steps, also for its tests.
fn with_steps(migrator: Migrator<'_>) -> Migrator<'_> {
    migrator.after(2, tags_from_words)
}

/// Words like #birds become tags. Behind migration 2 the text is still called text; databases may skip release 2.
fn tags_from_words(db: &Connection) -> Result<(), Failure> {
    let mut notes = db.prepare("SELECT id, text FROM notes WHERE text LIKE '%#%'")?;
    let mut add = db.prepare("INSERT OR IGNORE INTO tags(note_id, name) VALUES (?1, ?2)")?;
    let mut rows = notes.query([])?;
    while let Some(row) = rows.next()? {
        let (id, text): (i64, String) = (row.get(0)?, row.get(1)?);
        for tag in text.split_whitespace().filter_map(|word| word.strip_prefix('#')).filter(|tag| !tag.is_empty()) {
            add.execute((id, tag))?;
        }
    }
    Ok(())
}

fn run(arguments: &[&str]) -> Result<(), Failure> {
    match arguments {
        [path, "add", title, body @ ..] if body.len() < 2 => {
            let db = open(path)?;
            db.execute("INSERT INTO notes(title, body) VALUES (?1, ?2)", [title, body.first().unwrap_or(&"")])?;
            println!("{}", db.last_insert_rowid());
        }
        [path, "list"] => list(&open(path)?, "SELECT id FROM notes", &[])?,
        [path, "search", words @ ..] => {
            let words: Vec<String> = words.iter().map(|word| format!("\"{}\"", word.replace('"', "\"\""))).collect();
            list(&open(path)?, "SELECT rowid FROM notes_search WHERE notes_search MATCH ?1", &[&words.join(" ")])?;
        }
        [path, "tag", id, tag] => {
            open(path)?.execute("INSERT OR IGNORE INTO tags(note_id, name) VALUES (?1, ?2)", [id, tag])?;
        }
        [path, "done", id] => match open(path)?.execute("UPDATE notes SET done = 1 WHERE id = ?1", [id])? {
            0 => return Err(format!("there is no note {id}").into()),
            _ => println!("done"),
        },
        _ => println!("{USAGE}"),
    }
    Ok(())
}

/// Prints the notes that a query names.
fn list(db: &Connection, which: &str, values: &[&str]) -> Result<(), Failure> {
    let mut notes = db.prepare(&format!(
        "SELECT id, done, title, body, (SELECT ' (' || group_concat(name, ', ') || ')' FROM tags WHERE note_id = id)
           FROM notes WHERE id IN ({which}) ORDER BY done, id"
    ))?;
    let mut rows = notes.query(rusqlite::params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        let mark = if row.get(1)? { 'x' } else { ' ' };
        let tags = row.get::<_, Option<String>>(4)?.unwrap_or_default();
        println!("{:>4} [{mark}] {}{tags}", row.get::<_, i64>(0)?, row.get::<_, String>(2)?);
        row.get::<_, String>(3)?.lines().for_each(|line| println!("         {line}"));
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
