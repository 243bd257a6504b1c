//! Histories written in a line, and what a verification said.

use rusqlite::Connection;
use whimbrel::history::{Files, Snapshot};
use whimbrel::run::{block_on, replay};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::testing::{CheckKind, Outcome, Verification};
use whimbrel::{Folder, History, MemoryFiles, Schema};

/// A history of these scripts, numbered from 1; a way back stands behind its script.
pub fn history(scripts: &[(&str, Option<&str>)]) -> History {
    let mut files = MemoryFiles::default();
    for (n, (up, down)) in scripts.iter().enumerate() {
        let n = n + 1;
        files.write(&format!("{n:04}_m{n}.sql"), up.as_bytes()).unwrap();
        if let Some(down) = down {
            files.write(&format!("{n:04}_m{n}.down.sql"), down.as_bytes()).unwrap();
        }
    }
    Folder::read(&files).unwrap().history
}

/// The same without ways back.
pub fn forward(scripts: &[&str]) -> History {
    history(&scripts.iter().map(|up| (*up, None)).collect::<Vec<_>>())
}

/// With the snapshot of what the migrations make.
pub fn with_snapshot(mut history: History) -> History {
    let scratch = Connection::open_in_memory().unwrap();
    let replayed = block_on(replay(&mut Sqlite::new(&scratch), &history)).unwrap();
    history.snapshot = Some(Snapshot::of(&replayed.schema));
    for migration in history.migrations.to_mut() {
        migration.seeds = replayed.seeds;
    }
    history
}

/// With the snapshot of another schema.
pub fn with_snapshot_of(mut history: History, sql: &str) -> History {
    history.snapshot = Some(Snapshot::of(&Schema::from_sql(sql).unwrap()));
    history
}

/// What was found with this outcome: `upgrade 1 2 t: rows of t are gone (6 rows before, 0 after)`.
pub fn found(report: &Verification, outcome: Outcome) -> Vec<String> {
    let mut found = Vec::new();
    for check in &report.checks {
        for finding in check.findings.iter().filter(|finding| finding.outcome == outcome) {
            let from = check.from.map(|from| format!("{from} ")).unwrap_or_default();
            found.push(format!("{} {from}{} {}: {finding}", check.kind, check.to, finding.object));
        }
    }
    found
}

/// How many checks of this kind there were.
pub fn count(report: &Verification, kind: CheckKind) -> usize {
    report.checks.iter().filter(|check| check.kind == kind).count()
}

/// A single value.
pub fn one<T: rusqlite::types::FromSql>(db: &Connection, sql: &str) -> T {
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}
