//! Measures Whimbrel, its peers and what SQLite itself can do, in one run, in turn, on the same files.
//!
//! ```sh
//! cargo run --release --manifest-path benches/Cargo.toml -- --quick
//! ```
//!
//! Each contestant is a process that is told a case and a file and prints its times; `peers/protocol` says how. The
//! runner makes the files, gives everybody a turn, and prints medians and ratios.

mod cases;
mod disk;
mod fixtures;
mod measure;
mod peers;
mod plot;
mod results;
mod server;
mod sizes;
mod table;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use peer_protocol::Outcome;

use crate::measure::Effort;
use crate::peers::Peers;

/// Measures Whimbrel, its peers and what SQLite itself can do, in one run, in turn, on the same files.
#[derive(Debug, Parser)]
#[command(name = "benches")]
struct Arguments {
    /// The cases to measure, by the words that their names begin with; all of them but `sizes`, unless this says otherwise.
    cases: Vec<String>,
    /// How many rows the large table has.
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    rows: usize,
    /// Fewer rounds.
    #[arg(long)]
    quick: bool,
    /// Leave out the peers: Whimbrel and the limits remain.
    #[arg(long)]
    no_peers: bool,
    /// Print the names of the cases, and measure nothing.
    #[arg(long)]
    list: bool,
    /// Write all figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the ratios into this file, as SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Where the databases lie; what is there from an earlier run is taken. A temporary folder otherwise.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            anstream::eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

/// A name, or the words it begins with: `start` is all of `start-check-…` and `start-open-…`.
fn is_asked(name: &str, word: &str) -> bool {
    name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// What is built instead of run, and only where it is asked for.
const SIZES: &str = "sizes";

fn run(arguments: &Arguments) -> Outcome {
    if !arguments.list && arguments.cases.iter().any(|word| word == SIZES) {
        anstream::println!("{}\n", sizes::measure()?);
        if arguments.cases.len() == 1 {
            return Ok(());
        }
    }
    let asked = |name: &str| arguments.cases.is_empty() || arguments.cases.iter().any(|word| is_asked(name, word));
    let mut cases = cases::all(arguments.rows);
    cases.retain(|case| asked(&case.name));
    if arguments.no_peers {
        cases.iter_mut().for_each(|case| case.entries.retain(|entry| !matches!(entry.who, cases::Who::Peer(_))));
    }
    if arguments.list || cases.is_empty() {
        for case in cases::all(arguments.rows) {
            anstream::println!("{:28} {}", case.name, case.title);
        }
        anstream::println!("{SIZES:28} sizes of programs, and how long they are built; only where it is asked for");
        return if arguments.list { Ok(()) } else { Err("no case has such a name".into()) };
    }
    let temporary = tempfile::tempdir()?;
    let root = arguments.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    fs::create_dir_all(&root)?;
    let effort = match arguments.quick {
        true => Effort { rounds: 5, time: Duration::from_secs(10) },
        false => Effort { rounds: 11, time: Duration::from_secs(60) },
    };
    let mut peers = Peers::new(|what| anstream::eprintln!("{what}"));
    let mut results = Vec::new();
    for (n, case) in cases.iter().enumerate() {
        anstream::eprintln!("{}/{} {}", n + 1, cases.len(), case.title);
        let result = measure::measure(case, &root, effort, &mut peers)?;
        anstream::println!("{}\n", table::details(&result));
        results.push(result);
        if let Some(path) = &arguments.json {
            fs::write(path, serde_json::to_string_pretty(&results)? + "\n")?;
        }
        if let Some(path) = &arguments.plot {
            fs::write(path, plot::svg(&results))?;
        }
    }
    anstream::println!("{}", table::overview(&results));
    Ok(())
}
