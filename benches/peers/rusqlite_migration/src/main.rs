//! rusqlite_migration: knows a database by the number in `user_version`, and runs what is missing in one transaction.

use std::process::ExitCode;

use peer_protocol::{Outcome, Request, introduce};
use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

fn main() -> ExitCode {
    peer_protocol::main(run)
}

fn run(request: &Request) -> Outcome {
    introduce("rusqlite_migration 2.6.0", rusqlite::version());
    let scripts = request.scripts()?;
    let migrations = Migrations::new(scripts.iter().map(|script| M::up(&script.sql)).collect());
    request.run_history(|file| Ok(Connection::open(file)?), |conn| Ok(migrations.to_latest(conn)?))
}
