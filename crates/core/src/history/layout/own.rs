//! Numbered SQL files: Whimbrel's own, those of sqlx and golang-migrate, and everybody's.
//!
//! `0003_add-users.sql`, with its way back in `0003_add-users.down.sql`; or `….up.sql` and `….down.sql`. sqlx and
//! golang-migrate find a way back by its number alone, so it may have another name.

use super::{Found, has_extension, scripts, sort_by_number, without_end};
use crate::error::{Code, Result};
use crate::history::{Files, Problem, same_version, tag};

/// Version and name in a file's name, without `.sql`, `.up` and `.down`: a number, then any of `_`, `-` and `.`, then
/// the name.
pub(super) fn parse(path: &str) -> Option<(String, String)> {
    let stem = without_end(path, ".sql")?;
    parse_stem(without_end(stem, ".up").or_else(|| without_end(stem, ".down")).unwrap_or(stem))
}

fn parse_stem(stem: &str) -> Option<(String, String)> {
    let numbered = stem.strip_prefix(['v', 'V']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let numbered = numbered.unwrap_or(stem);
    let end = numbered.find(|c: char| !c.is_ascii_digit()).unwrap_or(numbered.len());
    let (version, name) = numbered.split_at(end);
    let is_apart = name.is_empty() || name.starts_with(['_', '-', '.', ' ']);
    (!version.is_empty() && is_apart)
        .then(|| (version.to_owned(), name.trim_start_matches(['_', '-', '.', ' ']).to_owned()))
}

/// A script with a number.
struct Numbered<'p> {
    path: &'p str,
    version: String,
    name: String,
}

pub(super) fn read(files: &dyn Files, paths: &[String], problems: &mut Vec<Problem>) -> Result<Vec<Found>> {
    let (mut ups, mut downs) = (Vec::new(), Vec::new());
    for path in scripts(paths) {
        let Some((version, name)) = parse(path) else {
            let message = format!("{path} has no number in front, and is not read");
            problems.push(Problem::new(Code::MigrationName, None, path, message).harmless());
            continue;
        };
        let is_down = without_end(path, ".down.sql").is_some();
        if is_down { &mut downs } else { &mut ups }.push(Numbered { path, version, name });
    }
    let exact: Vec<Option<&str>> =
        ups.iter().map(|up| take(&mut downs, |d| is_of(d, up) && d.name == up.name)).collect();
    let mut found = Vec::with_capacity(ups.len());
    for (up, exact) in ups.into_iter().zip(exact) {
        let down = exact.or_else(|| take(&mut downs, |down| is_of(down, &up)));
        let mut read = Found::read(files, up.path, down, up.version, up.name)?;
        // sqlx's word for a script that cannot run in a transaction; it stands on the first line.
        read.transaction = !read.up.starts_with("-- no-transaction");
        found.push(read);
    }
    for down in downs {
        let message = format!("{} undoes a migration that is not there", down.path);
        problems.push(
            Problem::new(Code::MigrationMissing, None, tag(&down.version, &down.name), message)
                .help("put the migration back, or remove this file too")
                .harmless(),
        );
    }
    for path in paths.iter().filter(|path| is_program(path)) {
        let message = format!("{path} is a program, and is not run");
        problems.push(
            Problem::new(Code::MigrationScript, None, path, message)
                .help("write what it does to the schema as SQL; an app's own steps belong into its `Migrator`")
                .harmless(),
        );
    }
    sort_by_number(&mut found);
    Ok(found)
}

fn is_of(down: &Numbered<'_>, up: &Numbered<'_>) -> bool {
    same_version(&down.version, &up.version)
}

fn take<'p>(downs: &mut Vec<Numbered<'p>>, test: impl Fn(&Numbered<'p>) -> bool) -> Option<&'p str> {
    downs.iter().position(test).map(|place| downs.remove(place).path)
}

/// Whether a file is a step among numbered scripts that some other tool runs, and we cannot.
fn is_program(path: &str) -> bool {
    let is_code =
        ["cjs", "go", "js", "mjs", "php", "py", "rb", "rs", "ts"].iter().any(|kind| has_extension(path, kind));
    is_code && !path.contains('/') && path.split('.').next().is_some_and(|stem| parse_stem(stem).is_some())
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
            ("000001_start.down.sql", "000001", "start"),
            ("v7_more.sql", "7", "more"),
            ("12. more.sql", "12", "more"),
            ("0004_LOUD.UP.SQL", "0004", "LOUD"),
            ("V0001.Initial.sqlite.up.sql", "0001", "Initial.sqlite"),
        ] {
            assert_eq!(parse(path), Some((version.to_owned(), name.to_owned())), "{path}");
        }
        for path in ["start.sql", "3rd.sql", "view.sql", "0001_x.txt", "0001_x.sql~", "ä.sql", ".sql", "sql"] {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
