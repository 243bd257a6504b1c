//! refinery: keeps a table of what has run, and reads it at each start.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use peer_protocol::{Outcome, Request, Time, introduce, timed};
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
    let runner = Runner::new(&migrations);
    // Grouped, all of them run in one transaction.
    let apply = |file: &Path, grouped: bool| -> Outcome<Time> {
        let mut conn = Connection::open(file)?;
        Ok(timed(|| Ok(Runner::new(&migrations).set_grouped(grouped).run(&mut conn)?))?.0)
    };
    let start = |file: &Path, with_open: bool| -> Outcome<Time> {
        let mut start = Instant::now();
        let mut conn = Connection::open(file)?;
        if !with_open {
            start = Instant::now();
        }
        runner.run(&mut conn)?;
        Ok(start.elapsed().into())
    };
    match request.case.as_str() {
        "apply:grouped" => request.repeat(|file| apply(file, true)),
        "apply" | "start-prepare" => request.repeat(|file| apply(file, false)),
        "start-check" => request.repeat(|file| start(file, false)),
        "start-open" => request.repeat(|file| start(file, true)),
        other => Err(format!("no such case: {other}").into()),
    }
}
