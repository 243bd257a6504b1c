//! Numbered SQL files: Whimbrel's own, sqlx's, and everybody's.
//!
//! `0003_add-users.sql`, with its way back in `0003_add-users.down.sql`; or `….up.sql` and `….down.sql`.

use super::{Found, has_extension};
use crate::error::{Code, Result};
use crate::history::{Files, Problem};

/// Version and name in a file's name, without `.sql` and `.up`: a number, then any of `_`, `-` and `.`, then the name.
pub(super) fn parse(path: &str) -> Option<(String, String)> {
    let stem = path.strip_suffix(".sql").or_else(|| path.strip_suffix(".SQL"))?;
    let stem = stem.strip_suffix(".up").unwrap_or(stem);
    let numbered = stem.strip_prefix(['v', 'V']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let numbered = numbered.unwrap_or(stem);
    let end = numbered.find(|c: char| !c.is_ascii_digit()).unwrap_or(numbered.len());
    let (version, name) = numbered.split_at(end);
    let is_apart = name.is_empty() || name.starts_with(['_', '-', '.', ' ']);
    (!version.is_empty() && is_apart)
        .then(|| (version.to_owned(), name.trim_start_matches(['_', '-', '.', ' ']).to_owned()))
}

pub(super) fn read(files: &dyn Files, paths: &[String], problems: &mut Vec<Problem>) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for path in paths.iter().filter(|path| !path.contains('/') && has_extension(path, "sql")) {
        if path.ends_with(".down.sql") {
            continue;
        }
        let Some((version, name)) = parse(path) else {
            let message = format!("{path} has no number in front, and is not read");
            problems.push(Problem::new(Code::MigrationName, None, path, message).harmless());
            continue;
        };
        let stem = path.strip_suffix(".sql").unwrap_or(path);
        let down = format!("{}.down.sql", stem.strip_suffix(".up").unwrap_or(stem));
        let down = paths.contains(&down).then_some(down);
        let mut read = Found::read(files, path, down.as_deref(), version, name)?;
        // sqlx's word for a script that cannot run in a transaction; it stands on the first line.
        read.transaction = !read.up.starts_with("-- no-transaction");
        found.push(read);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn names_of_many_tools() {
        for (path, version, name) in [
            ("0003_add-users.sql", "0003", "add-users"),
            ("1.sql", "1", ""),
            ("001-start.sql", "001", "start"),
            ("20240131120000_start.up.sql", "20240131120000", "start"),
            ("v7_more.sql", "7", "more"),
            ("12. more.sql", "12", "more"),
        ] {
            assert_eq!(parse(path), Some((version.to_owned(), name.to_owned())), "{path}");
        }
        for path in ["start.sql", "3rd.sql", "view.sql", "0001_x.txt"] {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
