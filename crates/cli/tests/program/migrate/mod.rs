//! `whimbrel migrate`, on real folders and databases with rows.

mod adopting;
mod applying;
mod describing;
mod lint;
mod problems;
mod server;
mod undoing;
mod writing;

use whimbrel::FolderFiles;
use whimbrel::history::journal::{Entry, Journal};
use whimbrel::history::{Files, Folder};

use crate::support::Case;

/// Three migrations: a table, a table with a row, a column; each with its way back.
const SCRIPTS: [(&str, &str, &str); 3] = [
    ("0001_start", "CREATE TABLE users (\n  id INTEGER PRIMARY KEY,\n  mail TEXT\n);\n", "DROP TABLE users;\n"),
    (
        "0002_add-notes",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);\nINSERT INTO notes (body) VALUES ('welcome');\n",
        "DROP TABLE notes;\n",
    ),
    (
        "0003_age",
        "-- The age in years.\nALTER TABLE users ADD COLUMN age INTEGER;\n",
        "ALTER TABLE users DROP COLUMN age;\n",
    ),
];

/// A folder `migrations` with them, and no journal.
fn plain() -> Case {
    let mut case = Case::new();
    for (tag, up, down) in SCRIPTS {
        case = case.file(&format!("migrations/{tag}.sql"), up).file(&format!("migrations/{tag}.down.sql"), down);
    }
    case
}

/// The same with Whimbrel's journal.
fn listed() -> Case {
    with_journal(plain())
}

/// Writes the journal of what is in `migrations`.
fn with_journal(case: Case) -> Case {
    let mut files = FolderFiles::new(case.path("migrations"));
    let folder = Folder::read(&files).expect("a folder that can be read");
    let entries = folder.history.migrations.iter().map(|m| Entry::of(m, Some("2026-11-21".to_owned()))).collect();
    let journal = Journal { entries, ..Journal::default() };
    files.write("meta/_journal.json", journal.write().as_bytes()).expect("a journal");
    case
}

/// A database that has run all of them, with rows of its own.
fn applied(case: Case) -> Case {
    case.run("migrate apply --db app.db --quiet").code(0).stdout_eq("").stderr_eq("");
    case.database("app.db", "INSERT INTO users VALUES (1, 'ada@example.org', 36), (7, NULL, NULL)")
}

/// The codes of `status --json`, with the number and name of each problem.
fn problems(case: &Case, status: i32) -> Vec<String> {
    let value = case.json("migrate status --db app.db", status);
    let told = |problem: &serde_json::Value| {
        format!(
            "{} {} {}",
            problem["code"].as_str().unwrap_or_default(),
            problem["idx"],
            problem["name"].as_str().unwrap_or_default()
        )
    };
    value["problems"].as_array().expect("problems").iter().map(told).collect()
}
