//! What an app does that has rusqlite and no migrations: it opens a database, writes a row and reads it.

use std::error::Error;

use rusqlite::Connection;

fn main() -> Result<(), Box<dyn Error>> {
    let conn = Connection::open(std::env::args_os().nth(1).ok_or("which database?")?)?;
    conn.execute_batch("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, body TEXT)")?;
    conn.execute("INSERT INTO notes (body) VALUES (?1)", ["a note"])?;
    let last: String = conn.query_row("SELECT body FROM notes ORDER BY id DESC", [], |row| row.get(0))?;
    if last == "a note" { Ok(()) } else { Err("another note".into()) }
}
