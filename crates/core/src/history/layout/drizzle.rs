//! Drizzle, before version 1: `meta/_journal.json` says which files there are, and in which order.
//!
//! Statements stand between breakpoints, which are comments. A file that the journal does not list never runs. Two
//! entries may have one number, which two branches gave them: Drizzle knows a migration by its tag.

use serde::Deserialize;
use serde_json::Value;

use super::{Found, refused, scripts, shown, split_tag, tell_apart, text};
use crate::dialect::Dialect;
use crate::error::{Code, Error, Result};
use crate::history::{Files, Problem, check_path};

const JOURNAL: &str = "meta/_journal.json";

#[derive(Deserialize)]
struct Journal {
    dialect: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    tag: String,
}

/// Whether a journal is Drizzle's. Ours has the same name, a number for its version, and a checksum in each entry where
/// Drizzle's has a tag.
pub(super) fn is_journal(text: &str) -> bool {
    let Ok(journal) = serde_json::from_str::<Value>(text) else {
        return text.contains("\"tag\"") && !text.contains("\"checksum\"");
    };
    let has_tags = || journal["entries"].as_array().is_some_and(|all| all.iter().any(|entry| entry["tag"].is_string()));
    journal["version"].is_string() || has_tags()
}

pub(super) fn read(files: &dyn Files, paths: &[String], problems: &mut Vec<Problem>) -> Result<Vec<Found>> {
    let journal = read_journal(&text(files, JOURNAL)?)?;
    let mut found: Vec<Found> = Vec::with_capacity(journal.entries.len());
    let mut listed = Vec::with_capacity(journal.entries.len());
    for (place, entry) in journal.entries.iter().enumerate() {
        let idx = u32::try_from(place + 1).ok();
        let path = format!("{}.sql", entry.tag);
        let tag = shown(&entry.tag);
        if let Err(error) = check_path(&path) {
            problems.push(refused(&path, &error));
        } else if listed.contains(&path) {
            problems.push(
                Problem::new(Code::MigrationDuplicate, idx, &tag, format!("{tag} stands twice in {JOURNAL}"))
                    .help("take one of its entries out"),
            );
        } else if !paths.contains(&path) {
            problems.push(
                Problem::new(
                    Code::MigrationMissing,
                    idx,
                    &tag,
                    format!("{tag} stands in {JOURNAL}, and its file is gone"),
                )
                .help("put the file back, or take its entry out if it never ran anywhere"),
            );
        } else {
            let (version, name) = split_tag(&entry.tag);
            found.push(Found::read(files, &path, None, version, name)?);
        }
        listed.push(path);
    }
    for path in scripts(paths).filter(|path| !listed.contains(*path)) {
        problems.push(
            Problem::new(
                Code::MigrationUnlisted,
                None,
                path,
                format!("{path} does not stand in {JOURNAL}, and is not run"),
            )
            .help("a merge may have lost its entry; if it is no migration, remove it")
            .harmless(),
        );
    }
    tell_apart(&mut found);
    Ok(found)
}

fn read_journal(text: &str) -> Result<Journal> {
    if crate::history::journal::has_conflict(text) {
        return Err(Error::new(Code::Journal, format!("{JOURNAL} holds the conflict of a merge"))
            .help("keep the entries of both sides, and give the later ones the next tags"));
    }
    let journal: Journal = serde_json::from_str(text).map_err(|e| {
        Error::new(Code::Journal, format!("{JOURNAL} cannot be read"))
            .cause(e)
            .help("bring it back from version control")
    })?;
    match journal.dialect.parse::<Dialect>() {
        Ok(_) => Ok(journal),
        Err(_) => Err(Error::new(Code::Journal, format!("{JOURNAL} is of {} migrations", shown(&journal.dialect)))
            .help("only those of SQLite and PostgreSQL can be read")),
    }
}

/// The database that the migrations are for.
pub(super) fn dialect(files: &dyn Files) -> Result<Dialect> {
    read_journal(&text(files, JOURNAL)?)?.dialect.parse()
}

#[cfg(test)]
mod tests {
    use super::is_journal;

    #[test]
    fn whose_journal_it_is() {
        for drizzle in [
            r#"{"version":"7","dialect":"sqlite","entries":[]}"#,
            r#"{"version":7,"dialect":"sqlite","entries":[{"idx":0,"tag":"0000_a"}]}"#,
            r#"{"entries":[{"idx":0,"tag":"0000_a"}]}"#,
            "<<<<<<< HEAD\n{\"idx\":0,\"tag\":\"0000_a\"}\n=======\n>>>>>>> other\n",
        ] {
            assert!(is_journal(drizzle), "{drizzle}");
        }
        for whimbrel in [
            r#"{"version":1,"dialect":"sqlite","entries":[]}"#,
            r#"{"version":1,"dialect":"sqlite","entries":[{"idx":1,"name":"tag","checksum":""}]}"#,
            "<<<<<<< HEAD\n{\"idx\":1,\"name\":\"tag\",\"checksum\":\"\"}\n=======\n>>>>>>> other\n",
            "{",
            "[]",
            "",
        ] {
            assert!(!is_journal(whimbrel), "{whimbrel}");
        }
    }
}
