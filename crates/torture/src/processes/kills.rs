//! Processes that are killed at any moment: the database is at the old version or at the new one, and the next start
//! gets to the new one.
//!
//! Half of the moments are spread over the work, by the instructions that SQLite has executed; the other half over the
//! commits, by the time that one takes on this machine.

use std::collections::HashMap;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use fastrand::Rng;
use whimbrel_oracle::Side;

use super::{Way, app, go_on, has_stopped, last_words, one, program, start_child};
use crate::scenarios::said;
use crate::{Layer, Tally};

/// The layer.
pub const LAYER: Layer = Layer {
    name: "kills",
    counted: "kills",
    about: "a process is killed in the middle of a push or of an upgrade",
    full: 300,
    quick: 20,
    unit,
};

const ROWS: u32 = 1_500;

/// What an undisturbed run takes.
#[derive(Debug, Clone, Copy)]
struct Whole {
    ticks: u64,
    commits: u64,
    /// From the last commit's beginning to the end.
    commit: u64,
}

/// What was measured, by what a case is.
static MEASURED: Mutex<Option<HashMap<String, Whole>>> = Mutex::new(None);

fn unit(seed: u64) -> Tally {
    match app(seed, ROWS) {
        Ok(app) => one(seed, &app.story(), kill(seed, &app)),
        Err(why) => one(seed, "", Err(why)),
    }
}

fn kill(seed: u64, app: &super::App) -> Result<&'static str, String> {
    let folder = tempfile::tempdir().map_err(said)?;
    let path = folder.path().join("app.db");
    let whole = whole(seed, app)?;
    app.make(&path)?;
    let mut random = Rng::with_seed(!seed);
    let (way, pause) = match random.bool() {
        true => (Way::StopAtTick(random.u64(1..=whole.ticks.max(1))), random.u64(..400)),
        false => {
            (Way::StopAtCommit(random.u64(1..=whole.commits.max(1))), random.u64(..=whole.commit + whole.commit / 4))
        }
    };
    let mut child = start_child(&mut Command::new(program()?), seed, ROWS, way, &path)?;
    if has_stopped(&mut child) {
        go_on(&mut child);
        std::thread::sleep(Duration::from_micros(pause));
    }
    child.kill().map_err(said)?;
    child.wait().map_err(said)?;
    match app.look(&path).map_err(|why| format!("killed {pause} µs behind {way:?} of {whole:?}: {why}"))? {
        Some(Side::Old) => Ok("old"),
        Some(Side::New) => Ok("new"),
        None => Ok("between two phases"),
    }
}

/// Lets one run to its end, once for each kind of case.
fn whole(seed: u64, app: &super::App) -> Result<Whole, String> {
    let known = MEASURED.lock().ok().and_then(|known| known.as_ref()?.get(&app.story()).copied());
    if let Some(whole) = known {
        return Ok(whole);
    }
    let folder = tempfile::tempdir().map_err(said)?;
    let path = folder.path().join("app.db");
    app.make(&path)?;
    let words = last_words(start_child(&mut Command::new(program()?), seed, ROWS, Way::StopAtTick(u64::MAX), &path)?)?;
    let numbers: Vec<u64> = words.split(' ').skip(2).filter_map(|n| n.parse().ok()).collect();
    let (true, [ticks, commits, commit]) = (words.starts_with("done 1 "), numbers.as_slice()) else {
        return Err(format!("a start that nobody disturbs says: {words}"));
    };
    let whole = Whole { ticks: *ticks, commits: *commits, commit: *commit };
    if let Ok(mut known) = MEASURED.lock() {
        known.get_or_insert_default().insert(app.story(), whole);
    }
    Ok(whole)
}
