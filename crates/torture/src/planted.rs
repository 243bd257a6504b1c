//! What finds which mistake: each bug that is planted in the engine, tried with every layer until one finds it.
//!
//! A test programme that never fails proves nothing. Here it has to: a bug that no layer finds is a hole in the
//! programme, and ends the command with 1. Without a bug the same seeds must find nothing, which the layers' own runs
//! show.

use std::time::{Duration, Instant};

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use whimbrel::planted::{Planted, plant};

use crate::{Budget, Layer, run_until};

/// How hard a layer looks for one bug, and how long.
fn budget(layer: &Layer, seed: u64, threads: usize) -> Budget {
    Budget { count: layer.quick.max(1), seed, threads, at_most: Duration::from_secs(20) }
}

/// A bug, and the layers that found it, each with what it said first.
#[derive(Debug)]
pub struct Caught {
    /// The bug.
    pub bug: Planted,
    /// Layer and finding.
    pub by: Vec<(&'static str, String)>,
    /// How long that took.
    pub time: Duration,
}

/// Plants the bugs whose names contain one of `wanted` (all where there is none), one after the other, and has the
/// layers look for each; the first that finds it ends the search, unless all are to be asked.
pub fn hunt(layers: &[Layer], wanted: &[String], seed: u64, threads: usize, is_asking_all: bool) -> Vec<Caught> {
    let is_wanted = |bug: &&Planted| {
        let name = format!("{bug:?}").to_lowercase();
        wanted.is_empty() || wanted.iter().any(|part| name.contains(&part.to_lowercase()))
    };
    let mut found = Vec::new();
    // What is compared with must not be made by a mistaken engine.
    drop(crate::crashes::cases());
    for bug in Planted::ALL.iter().filter(is_wanted) {
        let start = Instant::now();
        let mut by = Vec::new();
        plant(Some(*bug));
        // Nothing is planted in what is for PostgreSQL alone.
        for layer in layers.iter().filter(|layer| !layer.name.starts_with("server-")) {
            let (tally, _) = run_until(layer, &budget(layer, seed, threads), 1);
            if let Some(finding) = tally.bad.first() {
                by.push((layer.name, finding.what.clone()));
                if !is_asking_all {
                    break;
                }
            }
        }
        plant(None);
        found.push(Caught { bug: *bug, by, time: start.elapsed() });
    }
    found
}

/// The table of what was found, in Markdown, with the sum behind it.
pub fn table(found: &[Caught], seed: u64) -> String {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(["planted", "what was done wrong", "found by", "which said"]);
    for caught in found {
        let layers: Vec<&str> = caught.by.iter().map(|(layer, _)| *layer).collect();
        let said = caught.by.first().map_or("", |(_, said)| said.lines().next().unwrap_or_default());
        let said: String = said.chars().take(90).collect();
        let layers = if layers.is_empty() { "nothing".to_owned() } else { layers.join(", ") };
        table.add_row([format!("{:?}", caught.bug), caught.bug.about().to_owned(), layers, said]);
    }
    let caught = found.iter().filter(|caught| !caught.by.is_empty()).count();
    let time: Duration = found.iter().map(|caught| caught.time).sum();
    format!("{table}\n\n{caught} of {} planted bugs found in {:.0} s, seed {seed}", found.len(), time.as_secs_f64())
}
