//! What an app does that ships its migrations: it brings its database to the newest one, and reads a row.

use std::error::Error;

use rusqlite::Connection;
use whimbrel::{History, Migrator};

static MIGRATIONS: &History = whimbrel::embed!("../../../testdata/embed/notes");

fn main() -> Result<(), Box<dyn Error>> {
    let mut conn = Connection::open(std::env::args_os().nth(1).ok_or("which database?")?)?;
    Migrator::new(MIGRATIONS).run(&mut conn)?;
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 { Ok(()) } else { Err("no table".into()) }
}
