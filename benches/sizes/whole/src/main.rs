//! What an app could do that uses all of Whimbrel on SQLite: migrations, a declared schema, a backup and the doctor.

use std::error::Error;
use std::path::PathBuf;

use rusqlite::Connection;
use whimbrel::{History, Migrator, Planner, Schema, backup, doctor};

static MIGRATIONS: &History = whimbrel::embed!("../../../testdata/embed/notes");

fn main() -> Result<(), Box<dyn Error>> {
    let file = PathBuf::from(std::env::args_os().nth(1).ok_or("which database?")?);
    let declared = std::env::args_os().nth(2).ok_or("which schema?")?;
    let mut conn = Connection::open(&file)?;
    Migrator::new(MIGRATIONS).run(&mut conn)?;
    backup::create(&conn, &file, 1)?;
    let schema = Schema::from_sql(&std::fs::read_to_string(declared)?)?;
    let plan = Planner::new(&schema).plan(&mut conn)?;
    std::fs::write(file.with_extension("plan"), plan.to_string())?;
    plan.run(&mut conn)?;
    let findings = doctor(&mut conn)?;
    if findings.is_empty() { Ok(()) } else { Err("the doctor has found something".into()) }
}
