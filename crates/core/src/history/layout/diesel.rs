//! diesel: a folder a migration, with `up.sql` and `down.sql`.

use super::Found;
use crate::error::Result;
use crate::history::{Files, Problem};

pub(super) fn read(files: &dyn Files, paths: &[String], _problems: &mut Vec<Problem>) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for path in paths {
        let Some(folder) = path.strip_suffix("/up.sql").filter(|folder| !folder.contains('/')) else { continue };
        let (version, name) = folder.split_once('_').unwrap_or((folder, ""));
        let down = format!("{folder}/down.sql");
        let down = paths.contains(&down).then_some(down);
        found.push(Found::read(files, path, down.as_deref(), version.replace('-', ""), name.to_owned())?);
    }
    Ok(found)
}
