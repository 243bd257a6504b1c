//! What every contestant of the benchmarks reads and prints, so that one runner can measure programs that cannot be
//! linked into one.
//!
//! Arguments: case, database file, number of repetitions, folder with what the case needs besides. On standard output,
//! one line of JSON each: `{"about":"refinery 0.10.0","sqlite":"3.54.1"}` once, `{"ns":1234,"processor_ns":1230}` for each
//! repetition, with `"parts"` where a contestant can tell what its time went to, and `{"peak_kib":5678}` at the end. Only what is to be
//! measured stands between the two looks at the clock: not the start of the process, nor the reading of inputs.
//!
//! It depends on nothing, so that it fits beside whatever a peer pins.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What a contestant is asked to do.
#[derive(Debug, Clone)]
pub struct Request {
    /// The case, and where there are several ways to do it, the way behind a colon: `type:copy`.
    pub case: String,
    /// The database: its file, or the URL where a server has it.
    pub file: PathBuf,
    /// How often.
    pub repetitions: u32,
    /// The folder with the inputs: `migrations/`, `schema.sql` and others.
    pub folder: PathBuf,
}

/// A script of a folder of migrations.
#[derive(Debug, Clone)]
pub struct Script {
    /// Its number, from 1.
    pub number: u32,
    /// Its name without the number.
    pub name: String,
    /// Its text.
    pub sql: String,
}

/// What a repetition may end with.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

impl Request {
    /// Reads the arguments of the process.
    ///
    /// # Errors
    /// Where one is missing.
    pub fn from_arguments() -> Outcome<Request> {
        Request::from_words(std::env::args().skip(1))
    }

    /// Reads the arguments from words.
    ///
    /// # Errors
    /// Where one is missing.
    pub fn from_words(mut words: impl Iterator<Item = String>) -> Outcome<Request> {
        let mut next = |what: &str| words.next().ok_or(format!("missing: {what}"));
        Ok(Request {
            case: next("case")?,
            file: next("database file")?.into(),
            repetitions: next("number of repetitions")?.parse()?,
            folder: next("folder of inputs")?.into(),
        })
    }

    /// The scripts in `migrations/`, in order. Their files are called `0001_name.sql`.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn scripts(&self) -> Outcome<Vec<Script>> {
        let mut scripts = Vec::new();
        for entry in fs::read_dir(self.folder.join("migrations"))? {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let Some((number, name)) = stem.split_once('_') else { continue };
            scripts.push(Script { number: number.parse()?, name: name.to_owned(), sql: fs::read_to_string(&path)? });
        }
        scripts.sort_by_key(|script| script.number);
        Ok(scripts)
    }

    /// An input of the case.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn input(&self, name: &str) -> Outcome<String> {
        let path = self.folder.join(name);
        fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()).into())
    }

    /// Does it as often as it is to be done; what is done takes its time itself.
    ///
    /// # Errors
    /// The first that comes up.
    pub fn repeat(&self, mut once: impl FnMut(&Path) -> Outcome<Time>) -> Outcome {
        for _ in 0..self.repetitions {
            once(&self.file)?.tell();
        }
        Ok(())
    }

    /// The cases of a history (`apply`, `start-prepare`, `start-check`, `start-open`), for who opens a connection and then
    /// runs what is missing.
    ///
    /// # Errors
    /// The first that comes up, and any other case.
    pub fn run_history<C>(&self, open: impl Fn(&Path) -> Outcome<C>, migrate: impl Fn(&mut C) -> Outcome) -> Outcome {
        self.repeat(|file| {
            let mut start = Instant::now();
            let mut conn = open(file)?;
            match self.case.as_str() {
                "apply" | "start-prepare" => return Ok(timed(|| migrate(&mut conn))?.0),
                "start-check" => start = Instant::now(),
                "start-open" => {}
                other => return Err(format!("no such case: {other}").into()),
            }
            migrate(&mut conn)?;
            Ok(start.elapsed().into())
        })
    }
}

/// What something took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Time {
    /// On the clock.
    pub wall: Duration,
    /// On the processor, where the system says so; its own clock is no finer than some milliseconds.
    pub processor: Duration,
}

/// A clock that runs.
#[derive(Debug)]
pub struct Clock {
    processor: Duration,
    start: Instant,
}

impl Clock {
    /// Starts it.
    pub fn start() -> Clock {
        Clock { processor: processor_time(), start: Instant::now() }
    }

    /// The time until now.
    pub fn stop(&self) -> Time {
        let wall = self.start.elapsed();
        Time { wall, processor: processor_time().saturating_sub(self.processor) }
    }
}

/// What all threads of the process have had of the processor.
fn processor_time() -> Duration {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let texts = threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
    Duration::from_nanos(texts.filter_map(|text| text.split(' ').next()?.parse::<u64>().ok()).sum())
}

/// The time that something takes, and what it gives.
///
/// # Errors
/// Those of what is done.
pub fn timed<T>(what: impl FnOnce() -> Outcome<T>) -> Outcome<(Time, T)> {
    let clock = Clock::start();
    let value = what()?;
    Ok((clock.stop(), value))
}

impl From<Duration> for Time {
    /// For what takes microseconds: to ask for the processor's time would take longer.
    fn from(wall: Duration) -> Time {
        Time { wall, processor: Duration::ZERO }
    }
}

impl std::ops::Add for Time {
    type Output = Time;

    fn add(self, other: Time) -> Time {
        Time { wall: self.wall + other.wall, processor: self.processor + other.processor }
    }
}

impl Time {
    /// Tells it as the time of a repetition.
    pub fn tell(self) {
        self.tell_with(&[]);
    }

    /// Tells it as the time of a repetition, with what it went to.
    pub fn tell_with(self, parts: &[(&str, Time)]) {
        let mut line = format!("{{{}", self.words());
        if !parts.is_empty() {
            let parts: Vec<String> =
                parts.iter().map(|(name, time)| format!("\"{name}\":{{{}}}", time.words())).collect();
            let _ = write!(line, ",\"parts\":{{{}}}", parts.join(","));
        }
        print(&(line + "}"));
    }

    fn words(self) -> String {
        match self.processor.as_nanos() {
            0 => format!("\"ns\":{}", self.wall.as_nanos()),
            processor => format!("\"ns\":{},\"processor_ns\":{processor}", self.wall.as_nanos()),
        }
    }
}

/// Tells who is measured.
pub fn introduce(about: &str, sqlite: &str) {
    print(&format!("{{\"about\":\"{about}\",\"sqlite\":\"{sqlite}\"}}"));
}

/// Tells a number that is no time: `disk_bytes`.
pub fn tell_number(name: &str, number: u64) {
    print(&format!("{{\"{name}\":{number}}}"));
}

/// Tells the most memory that the process has had, where the system says so.
pub fn tell_peak() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    if let Some(peak) = line.and_then(|line| line.trim().strip_suffix("kB")).and_then(|n| n.trim().parse().ok()) {
        tell_number("peak_kib", peak);
    }
}

/// The whole of a contestant's `main`: reads the request, runs it, and ends with 1 and a sentence where it fails.
pub fn main(run: impl FnOnce(&Request) -> Outcome) -> ExitCode {
    finish(Request::from_arguments().and_then(|request| run(&request)))
}

/// The end of a contestant's `main`.
pub fn finish(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => {
            tell_peak();
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn print(line: &str) {
    println!("{line}");
}
