//! `torture`: tries the promise, and prints what was tried in one table.
//!
//! Ends with 0 where nothing bad was found, with 1 where something was, and with 2 where the arguments are wrong.

use std::process::ExitCode;
use std::time::Duration;

use anstream::{eprintln, println};
use clap::Parser;
use torture::{Budget, LAYERS, Layer, Tally, report, run};

/// Tries Whimbrel's promise with crashes, faults, random schemas and killed processes
#[derive(Parser, Debug)]
#[command(
    after_help = "Examples:\n  torture\n  torture --quick\n  torture crashes --count 1000000\n  torture pairs --unit 17"
)]
struct Arguments {
    /// What is tried: all layers where none is named
    #[arg(value_name = "LAYER")]
    layers: Vec<String>,
    /// Tries as much as is tried with each change, and not as before a release
    #[arg(long)]
    quick: bool,
    /// How many each layer tries
    #[arg(long, value_name = "N", conflicts_with = "quick")]
    count: Option<u64>,
    /// What all random numbers are drawn from; a new one each time where it is not given
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Tries one unit of a layer again, by the number that was printed with what was found
    #[arg(long, value_name = "N", conflicts_with_all = ["quick", "count", "seed"], requires = "layers")]
    unit: Option<u64>,
    /// How many threads work
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Begins nothing after so many seconds in a layer
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    at_most: u64,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Plants bugs, those whose names were given behind `planted` or all, and tells which were found.
#[cfg(feature = "planted-bugs")]
fn planted(arguments: &Arguments) -> ExitCode {
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    let found = torture::planted::hunt(LAYERS, &arguments.layers[1..], seed, threads(arguments), !arguments.quick);
    println!("{}", torture::planted::table(&found, seed));
    ExitCode::from(u8::from(found.iter().any(|caught| caught.by.is_empty())))
}

fn threads(arguments: &Arguments) -> usize {
    arguments.threads.or_else(|| std::thread::available_parallelism().ok().map(Into::into)).unwrap_or(1)
}

fn main() -> ExitCode {
    if let Some(code) = torture::processes::child() {
        return code;
    }
    let arguments = Arguments::parse();
    let wanted = |layer: &&Layer| arguments.layers.is_empty() || arguments.layers.iter().any(|name| name == layer.name);
    #[cfg(feature = "planted-bugs")]
    if arguments.layers.first().is_some_and(|name| name == "planted") {
        return planted(&arguments);
    }
    if let Some(name) = arguments.layers.iter().find(|name| LAYERS.iter().all(|layer| layer.name != **name)) {
        let names: Vec<&str> = LAYERS.iter().map(|layer| layer.name).collect();
        eprintln!("there is no layer {name}; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    let threads = threads(&arguments);
    let mut tallies: Vec<(Layer, Tally, Duration)> = Vec::new();
    for layer in LAYERS.iter().filter(wanted) {
        let (tally, time) = match arguments.unit {
            Some(unit) => {
                let start = std::time::Instant::now();
                ((layer.unit)(unit), start.elapsed())
            }
            None => {
                let usual = if arguments.quick { layer.quick } else { layer.full };
                let count = arguments.count.unwrap_or(usual);
                run(layer, &Budget { count, seed, threads, at_most: Duration::from_secs(arguments.at_most) })
            }
        };
        if !arguments.json {
            for finding in &tally.bad {
                eprintln!("{}", report::finding(layer, "bad", finding));
            }
            for finding in tally.unsure.iter().filter(|_| arguments.unit.is_some()) {
                eprintln!("{}", report::finding(layer, "to be looked at", finding));
            }
        }
        tallies.push((*layer, tally, time));
    }
    let text = if arguments.json { report::json(&tallies, seed) } else { report::table(&tallies, seed) };
    println!("{text}");
    ExitCode::from(u8::from(tallies.iter().any(|(_, tally, _)| !tally.bad.is_empty())))
}
