//! Release 2 of the notes app: notes have tags, and their text is called body.
//!
//! `cargo run -p notes-app --bin release-2 -- notes.db tag 1 birds`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the terminal is what the app is for")]

use std::process::ExitCode;

use rusqlite::Connection;
use whimbrel::{Code, Migrator, UpgradeKind};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "Notes, release 2

  release-2 FILE add TEXT
  release-2 FILE list
  release-2 FILE tag NUMBER TAG
  release-2 FILE done NUMBER";

/// What the app calls instead of `Connection::open`.
fn open(path: &str) -> Result<Connection, Failure> {
    let mut db = Connection::open(path)?;
    let upgrade = Migrator::new(whimbrel::embed!("release-2/migrations"))
        .after(2, tags_from_words)
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

/// Words like #birds in the notes of release 1 become tags. This runs behind migration 2, where the text is still called
/// text; and in every later release too, because a database may skip this one.
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
        [path, "add", text] => {
            let db = open(path)?;
            db.execute("INSERT INTO notes(body) VALUES (?1)", [text])?;
            println!("{}", db.last_insert_rowid());
        }
        [path, "list"] => {
            let db = open(path)?;
            let mut notes = db.prepare(
                "SELECT id, done, body, (SELECT ' (' || group_concat(name, ', ') || ')' FROM tags WHERE note_id = id)
                   FROM notes ORDER BY done, id",
            )?;
            let mut rows = notes.query([])?;
            while let Some(row) = rows.next()? {
                let mark = if row.get(1)? { 'x' } else { ' ' };
                let tags = row.get::<_, Option<String>>(3)?.unwrap_or_default();
                println!("{:>4} [{mark}] {}{tags}", row.get::<_, i64>(0)?, row.get::<_, String>(2)?);
            }
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
