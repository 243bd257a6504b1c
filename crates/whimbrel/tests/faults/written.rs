//! `docs/faults.md` beside the tests that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}

/// The names behind `fn fault_` in a source.
fn tests_in(source: &str) -> impl Iterator<Item = &str> {
    source.match_indices("fn fault_").map(|(at, _)| {
        let rest = &source[at + 3..];
        &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())]
    })
}

/// All of them, with the files that hold them.
fn tests(folder: &Path, found: &mut BTreeMap<String, BTreeSet<PathBuf>>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            if entry.file_name().is_none_or(|name| name != "target") {
                tests(&entry, found);
            }
        } else if entry.extension().is_some_and(|end| end == "rs") {
            let source = fs::read_to_string(&entry).expect("a source");
            for name in tests_in(&source) {
                found.entry(name.to_owned()).or_default().insert(entry.clone());
            }
        }
    }
}

/// A row of the tables: its number, its outcomes, and what its last cell says.
fn rows(page: &str) -> Vec<(u32, String, String)> {
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let mut rows = Vec::new();
    for line in page.lines().filter(|line| line.starts_with('|')) {
        let cells = cells(line);
        if let Ok(number) = cells[0].parse() {
            assert_eq!(cells.len(), 5, "{line}");
            rows.push((number, cells[2].clone(), cells[4].clone()));
        }
    }
    rows
}

#[test]
fn the_page_names_every_case_and_every_test() {
    let root = root();
    let page = fs::read_to_string(root.join("docs/faults.md")).expect("the page");
    let rows = rows(&page);
    let numbers: Vec<u32> = rows.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (1..=111).collect::<Vec<_>>());

    let mut there = BTreeMap::new();
    tests(&root.join("crates"), &mut there);
    there.retain(|name, _| {
        name.split('_').nth(1).is_some_and(|number| number.len() == 3 && number.parse::<u32>().is_ok())
    });
    let mut named = BTreeSet::new();
    for (number, outcomes, cell) in &rows {
        for outcome in outcomes.split(", ") {
            assert!(["NEW", "SAME", "BACK", "HOLD"].contains(&outcome), "{number}: {outcome}");
        }
        if cell.starts_with("not yet: ") {
            let test = there.keys().find(|name| name.starts_with(&format!("fault_{number:03}_")));
            assert_eq!(test, None, "{number} has a test by now");
            continue;
        }
        for link in cell.split(", ") {
            let parts = link.strip_prefix('[').and_then(|link| link.strip_suffix(')')?.split_once("](../"));
            let (name, file) = parts.unwrap_or_else(|| panic!("{number}: {link} is no link to a test"));
            assert!(name.starts_with(&format!("fault_{number:03}_")), "{number}: {name}");
            let holds = there.get(name).is_some_and(|files| files.contains(&root.join(file)));
            assert!(holds, "{number}: there is no {name} in {file}");
            named.insert((name.to_owned(), root.join(file)));
        }
    }
    for (name, files) in there {
        for file in files {
            assert!(named.contains(&(name.clone(), file.clone())), "{name} is missing: {}", file.display());
        }
    }
}
