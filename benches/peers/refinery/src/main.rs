//! refinery: keeps a table of what has run, and reads it at each start.

use std::process::ExitCode;

use peer_protocol::{Outcome, Request, introduce};
use refinery::{Migration, Runner};
use rusqlite::Connection;

fn main() -> ExitCode {
    peer_protocol::main(run)
}

fn run(request: &Request) -> Outcome {
    introduce("refinery 0.10.0", rusqlite::version());
    let mut migrations = Vec::new();
    for script in request.scripts()? {
        migrations.push(Migration::unapplied(&format!("V{}__{}", script.number, script.name), &script.sql)?);
    }
    // Grouped, all of them run in one transaction.
    let (request, is_grouped) = match request.case.strip_suffix(":grouped") {
        Some(case) => (&Request { case: case.to_owned(), ..request.clone() }, true),
        None => (request, false),
    };
    let runner = Runner::new(&migrations).set_grouped(is_grouped);
    request.run_history(|file| Ok(Connection::open(file)?), |conn| Ok(runner.run(conn).map(drop)?))
}
