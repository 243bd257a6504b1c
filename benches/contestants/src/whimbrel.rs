//! Whimbrel as an app uses it: `Migrator` for histories, `Planner` for declared schemas, `backup` for a copy.

use std::path::Path;
use std::time::Instant;

use peer_protocol::{Outcome, Request, Time, introduce, tell_number, timed};
use rusqlite::Connection;
use whimbrel::history::Snapshot;
use whimbrel::run::{block_on, replay};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Folder, FolderFiles, History, Migrator, Planner, Schema, UpgradeKind, backup};

pub fn run(request: &Request, case: &str, way: &str) -> Outcome {
    introduce("Whimbrel", rusqlite::version());
    match case {
        "apply" => {
            let history = history(request)?;
            request.repeat(|file| {
                let mut conn = Connection::open(file)?;
                Ok(timed(|| Ok(Migrator::new(&history).run(&mut conn)?))?.0)
            })
        }
        "new" => {
            let history = with_snapshot(history(request)?)?;
            request.repeat(|file| {
                let mut conn = Connection::open(file)?;
                let (time, upgrade) = timed(|| Ok(Migrator::new(&history).run(&mut conn)?))?;
                match upgrade.applied.is_empty() {
                    true => Ok(time),
                    false => Err("the migrations were replayed, and not the snapshot taken".into()),
                }
            })
        }
        "start-prepare" => {
            let history = history(request)?;
            request.repeat(|file| {
                let mut conn = Connection::open(file)?;
                Ok(timed(|| Ok(Migrator::new(&history).run(&mut conn)?))?.0)
            })
        }
        "start-check" | "start-open" => {
            let history = history(request)?;
            request.repeat(|file| start(&history, file, case == "start-open"))
        }
        "diff" => diff(request, way),
        "backup" => request.repeat(|file| {
            let conn = Connection::open(file)?;
            let (time, copy) = timed(|| Ok(backup::create(&conn, file, 1)?))?;
            std::fs::remove_file(copy.path)?;
            Ok(time)
        }),
        _ => push(request, case, way == "at-once"),
    }
}

/// What `embed!` would have put into the program: nothing of it is computed when the app starts.
fn history(request: &Request) -> Outcome<History> {
    Ok(Folder::read(&FolderFiles::new(request.folder.join("migrations")))?.history)
}

fn with_snapshot(history: History) -> Outcome<History> {
    let mut scratch = Sqlite::owned(Connection::open_in_memory()?);
    let snapshot = Snapshot::of(&block_on(replay(&mut scratch, &history))?.schema);
    Ok(History::new(history.migrations.into_owned(), Some(snapshot)))
}

fn start(history: &History, file: &Path, with_open: bool) -> Outcome<Time> {
    let mut start = Instant::now();
    let mut conn = Connection::open(file)?;
    if !with_open {
        start = Instant::now();
    }
    let upgrade = Migrator::new(history).run(&mut conn)?;
    let time = start.elapsed();
    match upgrade.kind {
        UpgradeKind::Unchanged => Ok(time.into()),
        other => Err(format!("not unchanged, but {other:?}").into()),
    }
}

/// Reads the database and compares it with the declared schema, on a connection that knows the schema already, as the
/// other contestants' do.
fn diff(request: &Request, way: &str) -> Outcome {
    let (which, with_text) = match way.strip_suffix("-with-text") {
        Some(which) => (which, true),
        None => (way, false),
    };
    let text = request.input(&format!("{which}.sql"))?;
    let schema = Schema::from_sql(&text)?;
    let mut conn = Connection::open(&request.file)?;
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    request.repeat(|_| {
        let (time, plan) = timed(|| match with_text {
            true => Ok(Planner::new(&Schema::from_sql(&text)?).plan(&mut conn)?),
            false => Ok(Planner::new(&schema).plan(&mut conn)?),
        })?;
        match plan.changes.len() == usize::from(which == "changed") {
            true => Ok(time),
            false => Err(format!("{} changes were found", plan.changes.len()).into()),
        }
    })
}

/// Plans and runs what `<case>.sql` declares: in one call, or with a plan that somebody could have looked at in between.
fn push(request: &Request, case: &str, at_once: bool) -> Outcome {
    let schema = Schema::from_sql(&request.input(&format!("{case}.sql"))?)?;
    for _ in 0..request.repetitions {
        let mut conn = Connection::open(&request.file)?;
        let mut planner = Planner::new(&schema).accept_data_loss(true);
        let changes = if at_once {
            let (time, report) = timed(|| Ok(planner.push(&mut conn)?))?;
            time.tell();
            report.changes
        } else {
            let (planning, plan) = timed(|| Ok(planner.plan(&mut conn)?))?;
            let (running, report) = timed(|| Ok(plan.run(&mut conn)?))?;
            (planning + running).tell_with(&[("plan", planning), ("run", running)]);
            tell_number("announced_disk_bytes", plan.disk_bytes);
            report.changes
        };
        if changes == 0 {
            return Err("nothing was changed".into());
        }
    }
    Ok(())
}
