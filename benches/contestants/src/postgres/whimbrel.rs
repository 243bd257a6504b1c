//! Whimbrel on PostgreSQL, over a connection of its own.

use peer_protocol::{Outcome, Request, introduce, timed};
use whimbrel::postgres::{Planner, Postgres, read_declared};
use whimbrel::schema::Source;

use super::{runtime, url, while_somebody_writes};

pub fn run(request: &Request, case: &str, way: &str) -> Outcome {
    introduce("Whimbrel", "");
    match case {
        "pg-diff" => diff(request, way),
        _ => {
            let text = request.input(&format!("{case}.sql"))?;
            let runtime = runtime()?;
            let mut server = runtime.block_on(Postgres::connect(url(request)?))?;
            let planner = Planner::new(text);
            while_somebody_writes(request, || match runtime.block_on(planner.push(&mut server))?.changes {
                0 => Err("nothing was changed".into()),
                _ => Ok(()),
            })
        }
    }
}

/// Reads the database and compares it with the declared schema: as the server has understood that before, or as text.
fn diff(request: &Request, way: &str) -> Outcome {
    let (file, changes) = if way == "unchanged" { ("before.sql", 0) } else { ("changed.sql", 1) };
    let text = request.input(file)?;
    let runtime = runtime()?;
    let mut server = runtime.block_on(Postgres::connect(url(request)?))?;
    let planner = if way == "with-text" {
        Planner::new(text)
    } else {
        let sources = [Source { name: "schema".to_owned(), text }];
        Planner::from_schema(runtime.block_on(read_declared(&mut server, None, &sources))?.schema)
    };
    request.repeat(|_| {
        let (time, plan) = timed(|| Ok(runtime.block_on(planner.plan(&mut server))?))?;
        match plan.changes.len() {
            found if found == changes => Ok(time),
            found => Err(format!("{found} changes were found").into()),
        }
    })
}
