//! What a program contains that only runs numbered migrations: this one. A builder method or a constructor that names
//! something large by itself, instead of what an app asks for, shows here and not in somebody's download.
//!
//! The linker leaves out what nothing refers to, also without optimisations, so the symbols of this test's own program tell.
#![cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]

use std::time::Duration;

use rusqlite::Connection;
use whimbrel::run::Transactions;
use whimbrel::{History, Migrator, UpgradeKind};

static MIGRATIONS: &History = whimbrel::embed!("../../testdata/embed/notes");

/// Modules by the end of their names as symbols have them, with the length in front, in either way of mangling.
const HERE: [&str; 3] = ["3run9versioned7upgrade", "6sqlite4read", "4diff11differences"];
const NOT_HERE: [&str; 12] = [
    "3run5judge",
    "3run7prepare9make_plan",
    "3run9versioned8recreate8recreate",
    "3run9versioned8baseline8baseline",
    "3run9versioned9downgrade9downgrade",
    "4diff7resolve7resolve",
    "6author",
    "6sqlite4plan",
    "6sqlite5probe",
    "8postgres",
    "10serde_json",
    "8whimbrel6backup",
];

#[test]
fn a_runner_holds_no_planner() {
    let mut db = Connection::open_in_memory().unwrap();
    let upgrade = Migrator::new(MIGRATIONS)
        .before(3, |_| Ok(()))
        .before_open(|_, details| {
            assert!(details.was_created);
            Ok(())
        })
        .transactions(Transactions::Each)
        .wait(Duration::from_secs(60))
        .run(&mut db)
        .unwrap();
    assert_eq!(upgrade.kind, UpgradeKind::Created);

    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let symbols = symbols(&program).expect("this is an ELF file with symbols");
    // A program that counts what of it runs refers to all of it.
    if symbols.iter().any(|symbol| symbol.starts_with("__llvm_profile")) {
        return;
    }
    let of = |module: &str| symbols.iter().find(|symbol| symbol.contains(module) && symbol.contains("whimbrel"));
    for module in HERE {
        assert!(of(module).is_some(), "{module} is called otherwise now: correct this test");
    }
    for module in NOT_HERE {
        assert_eq!(of(module), None, "{module}");
    }
}

/// The names in the symbol table of an ELF file of 64 bits.
fn symbols(file: &[u8]) -> Option<Vec<&str>> {
    let number = |at: usize, bytes: usize| -> Option<usize> {
        let digits = file.get(at..at + bytes)?;
        Some(digits.iter().rev().fold(0, |n, byte| n << 8 | usize::from(*byte)))
    };
    let (sections, size, count) = (number(0x28, 8)?, number(0x3a, 2)?, number(0x3c, 2)?);
    let header = |n: usize| sections + n * size;
    // Type 2 is the table; it names the section in which its texts lie.
    let table = (0..count).map(header).find(|at| number(at + 4, 4) == Some(2))?;
    let texts = number(header(number(table + 0x28, 4)?) + 0x18, 8)?;
    let (start, bytes) = (number(table + 0x18, 8)?, number(table + 0x20, 8)?);
    let names = (start..start + bytes).step_by(24).filter_map(|symbol| {
        let name = file.get(texts + number(symbol, 4)?..)?;
        std::str::from_utf8(name.split(|byte| *byte == 0).next()?).ok()
    });
    Some(names.collect())
}
