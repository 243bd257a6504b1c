//! A folder a migration, with `migration.sql`: Prisma, and Drizzle from version 1 on.
//!
//! Both know a migration by the whole name of its folder, and run them in the order of these names. Two made in the same
//! second have one number, and are two migrations. Prisma's `migration_lock.toml` says which database they are for.

use super::{Found, in_folder, split_tag, tell_apart, text};
use crate::dialect::Dialect;
use crate::error::{Code, Error, Result};
use crate::history::statements::split;
use crate::history::{Files, Problem};
use crate::postgres::statement::{Statement, Transaction};

const LOCK: &str = "migration_lock.toml";

pub(super) fn read(
    files: &dyn Files,
    dialect: Dialect,
    paths: &[String],
    problems: &mut Vec<Problem>,
) -> Result<Vec<Found>> {
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
        let mut read = Found::read(files, &format!("{folder}/migration.sql"), None, version, name)?;
        read.transaction = !stands_outside(dialect, &read.up);
        found.push(read);
    }
    tell_apart(&mut found);
    Ok(found)
}

/// Whether a script is one statement that PostgreSQL refuses in a transaction. Prisma sends a file as it is, and a single
/// statement then stands by itself: that is how an index is built `CONCURRENTLY` there.
fn stands_outside(dialect: Dialect, script: &str) -> bool {
    let only = match (dialect, split(dialect, script).as_deref()) {
        (Dialect::Postgres, Ok([only])) => script.get(only.range.clone()),
        _ => None,
    };
    only.is_some_and(|sql| Statement::read(sql).transaction() == Transaction::Outside)
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
