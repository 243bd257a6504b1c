//! rusqlite_migration: knows a database by the number in `user_version`, and runs what is missing in one transaction.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use peer_protocol::{Outcome, Request, Time, introduce, timed};
use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

fn main() -> ExitCode {
    peer_protocol::main(run)
}

fn run(request: &Request) -> Outcome {
    introduce("rusqlite_migration 2.6.0", rusqlite::version());
    let scripts = request.scripts()?;
    let migrations = Migrations::new(scripts.iter().map(|script| M::up(&script.sql)).collect());
    let apply = |file: &Path| -> Outcome<Time> {
        let mut conn = Connection::open(file)?;
        Ok(timed(|| Ok(migrations.to_latest(&mut conn)?))?.0)
    };
    let start = |file: &Path, with_open: bool| -> Outcome<Time> {
        let mut start = Instant::now();
        let mut conn = Connection::open(file)?;
        if !with_open {
            start = Instant::now();
        }
        migrations.to_latest(&mut conn)?;
        Ok(start.elapsed().into())
    };
    match request.case.as_str() {
        "apply" | "start-prepare" => request.repeat(apply),
        "start-check" => request.repeat(|file| start(file, false)),
        "start-open" => request.repeat(|file| start(file, true)),
        other => Err(format!("no such case: {other}").into()),
    }
}
