//! A folder a migration, with `migration.sql`: Prisma, and Drizzle from version 1 on.
//!
//! Both know a migration by the whole name of its folder, and run them in the order of these names. Two made in the same
//! second have one number, and are two migrations. Prisma's `migration_lock.toml` says which database they are for.

use super::{Found, in_folder, split_tag, tell_apart, text};
use crate::dialect::Dialect;
use crate::error::{Code, Error, Result};
use crate::history::{Files, Problem};

const LOCK: &str = "migration_lock.toml";

pub(super) fn read(files: &dyn Files, paths: &[String], problems: &mut Vec<Problem>) -> Result<Vec<Found>> {
    let mut folders: Vec<&str> = paths.iter().filter_map(|path| in_folder(path, "migration.sql")).collect();
    folders.sort_unstable();
    let mut others: Vec<&str> =
        paths.iter().filter_map(|path| path.split_once('/')).map(|(folder, _)| folder).collect();
    others.dedup();
    for folder in others.into_iter().filter(|folder| !folders.contains(folder)) {
        // What has no number may be anything.
        if !split_tag(folder).1.is_empty() {
            problems.push(
                Problem::new(Code::MigrationMissing, None, folder, format!("{folder} has no migration.sql"))
                    .help("put the file back, or remove the whole folder"),
            );
        }
    }
    let mut found = Vec::with_capacity(folders.len());
    for folder in folders {
        let (version, name) = split_tag(folder);
        found.push(Found::read(files, &format!("{folder}/migration.sql"), None, version, name)?);
    }
    tell_apart(&mut found);
    Ok(found)
}

/// The database that the migrations are for, where the lock file says it.
pub(super) fn dialect(files: &dyn Files, paths: &[String]) -> Result<Option<Dialect>> {
    if !paths.iter().any(|path| path == LOCK) {
        return Ok(None);
    }
    let Some(provider) = provider(&text(files, LOCK)?) else { return Ok(None) };
    provider.parse().map(Some).map_err(|_| {
        let message = format!("{LOCK} is of {} migrations", super::shown(&provider));
        Error::new(Code::Journal, message).help("only those of SQLite and PostgreSQL can be read")
    })
}

/// `provider = "sqlite"`.
fn provider(lock: &str) -> Option<String> {
    let mut lines = lock.lines().filter_map(|line| line.split_once('='));
    let (_, value) = lines.find(|(key, _)| key.trim() == "provider")?;
    Some(value.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\'']).to_owned())
}
