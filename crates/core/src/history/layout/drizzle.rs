//! Drizzle: `meta/_journal.json` says which files there are; statements stand between breakpoints, which are comments.

use serde::Deserialize;

use super::{Found, text};
use crate::error::{Code, Error, Result};
use crate::history::{Files, Problem};

#[derive(Deserialize)]
struct Journal {
    dialect: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    tag: String,
}

pub(super) fn is_journal(text: &str) -> bool {
    serde_json::from_str::<Journal>(text).is_ok_and(|journal| !journal.entries.is_empty())
}

pub(super) fn read(files: &dyn Files, _problems: &mut Vec<Problem>) -> Result<Vec<Found>> {
    let journal = text(files, "meta/_journal.json")?;
    let journal: Journal = serde_json::from_str(&journal)
        .map_err(|e| Error::new(Code::Journal, "meta/_journal.json cannot be read").cause(e))?;
    if journal.dialect != "sqlite" {
        return Err(Error::new(Code::Journal, format!("meta/_journal.json is of {} migrations", journal.dialect)));
    }
    let mut found = Vec::new();
    for entry in journal.entries {
        let (version, name) = entry.tag.split_once('_').unwrap_or((&entry.tag, ""));
        found.push(Found::read(files, &format!("{}.sql", entry.tag), None, version.to_owned(), name.to_owned())?);
    }
    Ok(found)
}
