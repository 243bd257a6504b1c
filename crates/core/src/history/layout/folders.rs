//! Prisma, and Drizzle from version 1 on: a folder a migration, with `migration.sql`.

use super::Found;
use crate::error::Result;
use crate::history::Files;

pub(super) fn read(files: &dyn Files, paths: &[String]) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for path in paths {
        let Some(folder) = path.strip_suffix("/migration.sql").filter(|folder| !folder.contains('/')) else { continue };
        let (version, name) = folder.split_once('_').unwrap_or((folder, ""));
        found.push(Found::read(files, path, None, version.to_owned(), name.to_owned())?);
    }
    Ok(found)
}
