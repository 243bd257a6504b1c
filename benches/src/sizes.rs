//! How large programs become, and how long they are built: `sizes`, which is measured only where it is asked for, as it
//! builds for minutes.
//!
//! The programs in `sizes/` differ in what they use and in nothing else. They are built one after the other, from nothing,
//! into a folder of their own: what a program takes longer than the one before is what it has and that one has not.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};
use peer_protocol::Outcome;

use crate::cases::thousands;
use crate::table::time;

/// A program: its folder from this package on, what it is called there, its profile, and what is told of it.
struct Program {
    folder: &'static str,
    binary: &'static str,
    profile: &'static str,
    title: &'static str,
    /// At most so many bytes more than the first one are wanted.
    wanted: Option<u64>,
}

const PROGRAMS: [Program; 4] = [
    Program {
        folder: "sizes/rusqlite",
        binary: "size-rusqlite",
        profile: "app",
        title: "rusqlite alone",
        wanted: None,
    },
    Program {
        folder: "sizes/runner",
        binary: "size-runner",
        profile: "app",
        title: "with the Migrator over an embedded history",
        wanted: Some(300_000),
    },
    Program {
        folder: "sizes/whole",
        binary: "size-whole",
        profile: "app",
        title: "with all of Whimbrel on SQLite",
        wanted: Some(1_500_000),
    },
    Program {
        folder: "../crates/cli",
        binary: "whimbrel",
        profile: "release",
        title: "the program whimbrel, as it is released",
        wanted: None,
    },
];

/// Builds all of them and gives the table.
///
/// # Errors
/// Where one cannot be built.
pub fn measure() -> Outcome<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = tempfile::tempdir()?;
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(["program", "bytes", "more than the first", "wanted", "built in"]);
    let mut first = None;
    for program in &PROGRAMS {
        anstream::eprintln!("building: {}", program.title);
        let took = build(&here.join(program.folder), program.profile, target.path())?;
        let bytes = std::fs::metadata(binary(target.path(), program))?.len();
        let more = bytes.saturating_sub(*first.get_or_insert(bytes));
        table.add_row([
            program.title.to_owned(),
            thousands(bytes as usize),
            if more > 0 { thousands(more as usize) } else { String::new() },
            program.wanted.map(|wanted| format!("≤ {}", thousands(wanted as usize))).unwrap_or_default(),
            time(Some(took.as_nanos() as f64)),
        ]);
    }
    // By itself, with the profile of its own workspace: what is in the folder is built with another.
    anstream::eprintln!("building: the library");
    let took = build(&here.join("../crates/whimbrel"), "release", tempfile::tempdir()?.path())?;
    table.add_row(["the library and SQLite, from nothing", "", "", "", &time(Some(took.as_nanos() as f64))]);
    for column in 1..=4 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    Ok(table.to_string())
}

fn binary(target: &Path, program: &Program) -> PathBuf {
    target.join(program.profile).join(program.binary).with_extension(std::env::consts::EXE_EXTENSION)
}

fn build(package: &Path, profile: &str, target: &Path) -> Outcome<Duration> {
    let cargo = |arguments: &[&str]| -> Outcome {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        command.args(arguments).args(["--locked", "--quiet", "--manifest-path"]).arg(package.join("Cargo.toml"));
        let status =
            command.env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "0").stdin(Stdio::null()).status()?;
        if status.success() { Ok(()) } else { Err(format!("{} cannot be built", package.display()).into()) }
    };
    // What is fetched from elsewhere does not count.
    cargo(&["fetch"])?;
    let start = Instant::now();
    cargo(&["build", "--profile", profile])?;
    Ok(start.elapsed())
}
