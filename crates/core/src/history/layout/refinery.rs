//! refinery: `V1__start.sql`; `U1__…` is versioned too, and may come in late.
//!
//! Folders below are looked through as well, as refinery does. It runs migrations in the order of their numbers, which
//! are 32 bits wide, or 64 where the app chose so; nothing here depends on it. Migrations in Rust cannot be read.

use super::{Found, has_extension, sort_by_number};
use crate::error::{Code, Result};
use crate::history::{Files, Problem};

/// Version and name in a file's name, as refinery cuts it: the version may have a dot, and then refinery refuses it.
fn parse(path: &str) -> Option<(&str, &str)> {
    let (stem, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    let (version, name) = stem.strip_prefix(['V', 'U'])?.split_once("__")?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, part) = version.split_once('.').map_or((version, None), |(whole, part)| (whole, Some(part)));
    let is_version = is_number(whole) && part.is_none_or(is_number);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_version && is_name && matches!(extension, "sql" | "rs")).then_some((version, name))
}

pub(super) fn is_name(path: &str) -> bool {
    parse(path).is_some()
}

pub(super) fn read(files: &dyn Files, paths: &[String], problems: &mut Vec<Problem>) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for path in paths {
        match parse(path) {
            Some(_) if has_extension(path, "rs") => problems.push(
                Problem::new(
                    Code::MigrationScript,
                    None,
                    path,
                    format!("{path} is written in Rust, and cannot be read"),
                )
                .help("write what it does as SQL, in a file of the same name with .sql"),
            ),
            Some((version, _)) if version.contains('.') => problems.push(
                Problem::new(Code::MigrationName, None, path, format!("{path} has no whole number as its version"))
                    .help("refinery refuses it too: give it a whole number"),
            ),
            Some((version, name)) => {
                let mut read = Found::read(files, path, None, version.to_owned(), name.to_owned())?;
                read.transaction = !read.up.lines().any(is_no_transaction);
                found.push(read);
            }
            None if has_extension(path, "sql") && !path.contains('/') => problems.push(
                Problem::new(Code::MigrationName, None, path, format!("{path} has no name that refinery reads"))
                    .help("its form is V1__name.sql, where the name has letters, digits and _")
                    .harmless(),
            ),
            None => {}
        }
    }
    sort_by_number(&mut found);
    Ok(found)
}

/// refinery's word for a script that cannot run in a transaction; it stands on a line of its own.
fn is_no_transaction(line: &str) -> bool {
    line.strip_prefix("--").is_some_and(|rest| rest.trim_start_matches('-').trim() == "refinery:noTransaction")
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn names() {
        assert_eq!(parse("V1__start.sql"), Some(("1", "start")));
        assert_eq!(parse("later/U20240131120000__a_b.rs"), Some(("20240131120000", "a_b")));
        assert_eq!(parse("V1.1__start.sql"), Some(("1.1", "start")));
        for path in ["v1__start.sql", "V1_start.sql", "V1__a-b.sql", "V__a.sql", "V1__.sql", "V1__a.toml", "V1.__a.sql"]
        {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
