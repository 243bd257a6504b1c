//! A folder a migration, with `up.sql` and `down.sql`: diesel, and rusqlite_migration's folders.
//!
//! diesel's version is what stands before the first `_`, without dashes, and versions run in the order of texts; the
//! names are dates, most often: `2024-01-31-120000_start`, or `00000000000000_diesel_initial_setup`. `metadata.toml`
//! may say that a migration cannot run in a transaction. rusqlite_migration's folders are numbered from 1 without a
//! gap, and the name stands behind a dash: `1-start`.

use super::{Found, has_statements, in_folder, sort_by_number, text};
use crate::dialect::Dialect;
use crate::error::{Code, Result};
use crate::history::{Files, Problem, tag};

pub(super) fn read(
    files: &dyn Files,
    dialect: Dialect,
    paths: &[String],
    problems: &mut Vec<Problem>,
) -> Result<Vec<Found>> {
    let folders: Vec<&str> = paths.iter().filter_map(|path| in_folder(path, "up.sql")).collect();
    let backs: Vec<&str> = paths.iter().filter_map(|path| in_folder(path, "down.sql")).collect();
    let is_counted = is_counted(&[folders.as_slice(), &backs].concat());
    let split = |folder: &str| match folder.split_once('-').filter(|_| is_counted) {
        Some((version, name)) => (version.to_owned(), name.to_owned()),
        None => {
            let (version, name) = folder.split_once('_').unwrap_or((folder, ""));
            (version.replace('-', ""), name.to_owned())
        }
    };
    for folder in backs {
        if !folders.contains(&folder) {
            let (version, name) = split(folder);
            let message = format!("{folder} has no up.sql");
            problems.push(
                Problem::new(Code::MigrationMissing, None, tag(&version, &name), message)
                    .help("put the file back, or remove the whole folder"),
            );
        }
    }
    let mut found = Vec::with_capacity(folders.len());
    for folder in folders {
        let (version, name) = split(folder);
        let down = Some(format!("{folder}/down.sql")).filter(|path| paths.contains(path));
        let mut read = Found::read(files, &format!("{folder}/up.sql"), down.as_deref(), version, name)?;
        // diesel writes a comment into a new one: that is no way back.
        read.down = read.down.filter(|down| has_statements(dialect, down));
        let metadata = format!("{folder}/metadata.toml");
        if paths.contains(&metadata) {
            read.transaction = !is_outside(&text(files, &metadata)?);
        }
        found.push(read);
    }
    if is_counted {
        sort_by_number(&mut found);
        find_gap(&found, problems);
    } else {
        found.sort_by(|a, b| a.version.cmp(&b.version));
    }
    Ok(found)
}

/// Whether the folders are rusqlite_migration's. A date is no number with a name behind it.
fn is_counted(folders: &[&str]) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_date = |folder: &str| {
        let version = folder.split('_').next().unwrap_or_default();
        version.len() >= 8 && version.bytes().all(|b| b.is_ascii_digit() || b == b'-')
    };
    let is_counted = |folder: &&str| folder.split_once('-').is_some_and(|(number, _)| is_number(number));
    !folders.is_empty() && folders.iter().all(is_counted) && !folders.iter().any(|folder| is_date(folder))
}

fn find_gap(found: &[Found], problems: &mut Vec<Problem>) {
    let mut numbers: Vec<u64> = found.iter().filter_map(|found| found.version.parse().ok()).collect();
    numbers.dedup();
    let Some(gap) = (1..).zip(&numbers).find(|(wanted, number)| wanted < *number).map(|(wanted, _)| wanted) else {
        return;
    };
    let message = format!("there is no migration with the number {gap}, and there are later ones");
    problems.push(
        Problem::new(Code::MigrationMissing, u32::try_from(gap).ok(), gap.to_string(), message)
            .help("put its folder back: rusqlite_migration counts without a gap"),
    );
}

/// Whether the metadata of a migration says that it runs outside of transactions. One line of TOML is all there is to
/// read; what diesel keeps in tables behind it is not for us.
fn is_outside(metadata: &str) -> bool {
    let lines = metadata.lines().map(str::trim).take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split_once('=')).any(|(key, value)| {
        key.trim().trim_matches('"') == "run_in_transaction"
            && value.split('#').next().unwrap_or_default().trim() == "false"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_not_counted() {
        assert!(is_counted(&["1-start"]));
        assert!(is_counted(&["01-start", "02-2nd_thing", "10-more"]));
        for folders in [
            &["2024-01-31-120000_start"] as &[&str],
            &["20240131120000_start"],
            &["2024-01-31-120000"],
            &["00000000000000_diesel_initial_setup", "2024-01-31-120000_start"],
            &["1_start", "2_more"],
            &["1-start", "more"],
            &[],
        ] {
            assert!(!is_counted(folders), "{folders:?}");
        }
    }

    #[test]
    fn metadata() {
        for outside in ["run_in_transaction = false", "# why\n\"run_in_transaction\"=false # so\n[more]\na = 1"] {
            assert!(is_outside(outside), "{outside}");
        }
        for inside in
            ["", "run_in_transaction = true", "# run_in_transaction = false", "[a]\nrun_in_transaction = false"]
        {
            assert!(!is_outside(inside), "{inside}");
        }
    }
}
