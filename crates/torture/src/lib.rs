//! What the promise is tried with: crashes at every write, faults at every call, random schemas, killed processes.
//!
//! A [`Layer`] is one kind of trying. It is made of units, each of which is a function of one number, so that whatever is
//! found is found again by that number alone. [`run`] spreads units over threads until enough was tried, and [`report`]
//! prints the table. What is right is said by the oracle, which knows nothing of the engine.

pub mod case;
pub mod crashes;
pub mod disk;
pub mod faults;
pub mod pairs;
#[cfg(feature = "planted-bugs")]
pub mod planted;
pub mod processes;
pub mod report;
pub mod scenarios;
pub mod vfs;

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One kind of trying.
#[derive(Clone, Copy)]
pub struct Layer {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is counted, in the plural: `crash states`.
    pub counted: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// How many are tried before a release.
    pub full: u64,
    /// How many are tried with each change.
    pub quick: u64,
    /// Tries one unit, which its number determines. A unit may count for many.
    pub unit: fn(seed: u64) -> Tally,
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All layers, in the order in which they run.
pub const LAYERS: &[Layer] = &[
    scenarios::LAYER,
    crashes::LAYER,
    faults::LAYER,
    pairs::LAYER,
    processes::KILLS,
    processes::RACES,
    processes::QUOTA,
    #[cfg(unix)]
    processes::SERVER,
    #[cfg(unix)]
    processes::SERVER_FAULTS,
];

/// What was tried, and what of it was bad.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// How many states, faults, pairs or kills were tried.
    pub tried: u64,
    /// What was found.
    pub bad: Vec<Finding>,
    /// Other counts worth telling, such as how many databases were found in the old version.
    pub notes: Vec<(&'static str, u64)>,
    /// What is right as far as can be told, and a person may want to look at.
    pub unsure: Vec<Finding>,
}

/// A broken promise.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The unit that shows it again.
    pub unit: u64,
    /// What is wrong, in a line.
    pub what: String,
    /// How it came to that, and, where there is one, a script that shows it without this program.
    pub story: String,
}

impl Tally {
    /// Counts what `other` has counted.
    pub fn add(&mut self, other: Tally) {
        self.tried += other.tried;
        self.bad.extend(other.bad);
        self.unsure.extend(other.unsure);
        for (about, count) in other.notes {
            self.note(about, count);
        }
    }

    /// Adds to one of the other counts.
    pub fn note(&mut self, about: &'static str, count: u64) {
        match self.notes.iter_mut().find(|(name, _)| *name == about) {
            Some((_, sum)) => *sum += count,
            None => self.notes.push((about, count)),
        }
    }
}

/// How much is tried.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// At least so many are tried.
    pub count: u64,
    /// What the numbers of the units are drawn from.
    pub seed: u64,
    /// How many units run at a time.
    pub threads: usize,
    /// No unit is begun after that time.
    pub at_most: Duration,
}

/// After so many findings a layer stops: they tend to have one cause.
const ENOUGH: usize = 20;

/// The number of the unit at a place of a run that began with `seed`.
///
/// It is the finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014), so that
/// neighbouring places have nothing in common.
pub fn unit_at(seed: u64, place: u64) -> u64 {
    let mut z = seed.wrapping_add(place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Runs units of a layer until enough was tried, and says how long it took.
pub fn run(layer: &Layer, budget: &Budget) -> (Tally, Duration) {
    run_until(layer, budget, ENOUGH)
}

/// The same, until so much was found.
pub fn run_until(layer: &Layer, budget: &Budget, enough: usize) -> (Tally, Duration) {
    // SQLite takes the memory that can be made scarce only before it is used.
    vfs::memory();
    let start = Instant::now();
    let place = AtomicU64::new(0);
    let sum = Mutex::new(Tally::default());
    #[cfg(feature = "planted-bugs")]
    let bug = whimbrel::planted::planted();
    let work = || loop {
        #[cfg(feature = "planted-bugs")]
        whimbrel::planted::plant(bug);
        let is_enough = |sum: &Tally| sum.tried >= budget.count || sum.bad.len() >= enough;
        if start.elapsed() > budget.at_most || sum.lock().is_ok_and(|sum| is_enough(&sum)) {
            return;
        }
        let tally = (layer.unit)(unit_at(budget.seed, place.fetch_add(1, Ordering::Relaxed)));
        if let Ok(mut sum) = sum.lock() {
            sum.add(tally);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..budget.threads.max(1) {
            scope.spawn(work);
        }
    });
    (sum.into_inner().unwrap_or_default(), start.elapsed())
}
