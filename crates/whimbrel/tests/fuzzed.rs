//! The targets of `fuzz/` without a fuzzer: each seed as it is, and some thousand changes of it that are the same each time.
//!
//! What fails is printed with the number that makes it again. `WHIMBREL_FUZZ_ROUNDS` says how many changes are tried.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[path = "../../../fuzz/src/targets.rs"]
mod targets;

use targets::{TARGETS, Target};

/// Pieces that turn one thing into another more often than single bytes do.
const WORDS: &[&str] = &[
    ";",
    "'",
    "\"",
    "`",
    "[",
    "]",
    "(",
    ")",
    ",",
    "--",
    "/*",
    "*/",
    "\n",
    "$$",
    "$a$",
    "\\",
    "\0",
    "é",
    " ",
    ".",
    "-1",
    "NOT NULL ",
    "DEFAULT ",
    "CHECK ",
    "UNIQUE ",
    "PRIMARY KEY ",
    "REFERENCES t ",
    "COLLATE NOCASE ",
    " AS (a) STORED",
    "CREATE TABLE t(a);",
    "CREATE VIEW v AS SELECT 1;",
    "BEGIN ",
    "END",
    "CASE ",
    "NULL",
    "x'00'",
    "E'",
    "0",
    "{",
    "}",
    ":",
    "true",
    "CONSTRAINT c ",
    "WITHOUT ROWID",
    "STRICT",
    "GENERATED ALWAYS ",
    "ON CONFLICT IGNORE ",
    "TEMP ",
    "main.",
    "IF NOT EXISTS ",
    "-- whimbrel: ",
    "renamed from x",
    "backfill 1",
    "=== ",
    "\n---\n",
    "AUTOINCREMENT ",
    "DESC",
    "rowid",
];

/// The seeds of a target, in the order of their names.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus-seeds").join(name);
    let mut paths: Vec<_> =
        fs::read_dir(&folder).expect("the seeds").map(|entry| entry.expect("a seed").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}

/// A seed with a few changes.
fn changed(seeds: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = seeds[random.usize(..seeds.len())].clone();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..=bytes.len());
        let end = (at + random.usize(..20)).min(bytes.len());
        match random.u8(..8) {
            0 => drop(bytes.drain(at..end)),
            1 if at < bytes.len() => bytes[at] = random.u8(..),
            2 => {
                let part = bytes[at..end].to_vec();
                let to = random.usize(..=bytes.len());
                bytes.splice(to..to, part);
            }
            3 => {
                let other = &seeds[random.usize(..seeds.len())];
                let from = random.usize(..=other.len());
                let part = other[from..(from + random.usize(..60)).min(other.len())].to_vec();
                bytes.splice(at..at, part);
            }
            4 => {
                let to = random.usize(..=bytes.len());
                bytes.splice(at..end, WORDS[random.usize(..WORDS.len())].bytes());
                bytes.truncate(bytes.len().max(to));
            }
            5 if random.u8(..4) == 0 => bytes.truncate(at),
            _ => drop(bytes.splice(at..at, WORDS[random.usize(..WORDS.len())].bytes())),
        }
    }
    bytes
}

fn check(name: &str, usual: u64) {
    let rounds = std::env::var("WHIMBREL_FUZZ_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let (_, body): &Target = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    let seeds = seeds(name);
    let run = |bytes: &[u8], story: &str| {
        let outcome = catch_unwind(AssertUnwindSafe(|| body(bytes)));
        assert!(outcome.is_ok(), "{name}, {story}, of:\n{}\n{bytes:?}", String::from_utf8_lossy(bytes));
    };
    for (n, seed) in seeds.iter().enumerate() {
        run(seed, &format!("seed file {n}"));
    }
    for round in 0..rounds {
        let bytes = changed(&seeds, &mut fastrand::Rng::with_seed(round));
        run(&bytes, &format!("round {round}"));
    }
}

#[test]
fn sql_is_read() {
    check("read_sql", 4_000);
}

#[test]
fn scripts_are_cut() {
    check("split_sqlite", 5_000);
    check("split_postgres", 5_000);
}

#[test]
fn schemas_are_compared() {
    check("diff", 3_000);
}

#[test]
fn names_are_quoted() {
    check("quote", 5_000);
}

#[test]
fn folders_are_read() {
    check("journal", 5_000);
    check("folder", 5_000);
}

#[test]
fn snapshots_are_read() {
    check("snapshot", 5_000);
}

/// What is left out here is not tried by anybody.
#[test]
fn every_target_has_seeds_and_a_program() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fuzz = here.join("../../fuzz");
    let source = fs::read_to_string(here.join("tests/fuzzed.rs")).expect("this file");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).expect("a manifest");
    for (name, _) in TARGETS {
        assert!(!seeds(name).is_empty(), "{name}");
        assert!(source.contains(&format!("check(\"{name}\"")), "{name} is not run here");
        let program = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).expect("a program");
        assert!(program.contains(&format!("run(\"{name}\"")), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}
