//! Crashes at every write: a start is run once and what it does to the disk is written down; then the disk is put
//! together as a crash at each point would leave it, and opened again.
//!
//! Each state has to be the old version or the new one, whole; the new one where the start had come to its end; and
//! another start has to bring it to the new one. What is right is said by the images of the [`Case`].
//!
//! A unit is one case, of which one in four is a random change of a random schema, with one journal, one device and one set of settings, all chosen by its number, with the points of
//! its log: all of them where there are not many, else a selection, which its number chooses, and the last ones. Of one
//! unit in eight every state is started once more, of the others one state in sixteen. One state in
//! sixteen that has something to recover crashes while it recovers, once at every point of that.

mod cases;
mod medium;

use std::borrow::Cow;
use std::fmt;

use fastrand::Rng;
use rusqlite::Connection;
use whimbrel_oracle::{Image, Side, damage};

pub use cases::cases;

use crate::case::{Case, Start as AppStart};
use crate::disk::{Device, Disk, Files, Op};
use crate::{Finding, Layer, Tally, pairs, vfs};
use medium::{Failure, Medium};

/// Crashes at every point of a start.
pub const LAYER: Layer = Layer {
    name: "crashes",
    counted: "crash states",
    about: "a start stops at every write: killed, torn, with what was not synced lost or spoilt, and while it recovers",
    full: 250_000,
    quick: 6_000,
    unit,
};

/// How the app keeps its journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    /// The journal is deleted at each commit.
    Delete,
    /// It is cut to nothing.
    Truncate,
    /// Its header is written over.
    Persist,
    /// A write-ahead log.
    Wal,
}

impl Journal {
    /// All of them.
    pub const ALL: [Journal; 4] = [Journal::Delete, Journal::Truncate, Journal::Persist, Journal::Wal];
}

/// What the app has set on its connection, and what its database lies on.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// The journal.
    pub journal: Journal,
    /// `PRAGMA synchronous`: 1 is NORMAL, 2 FULL, 3 EXTRA.
    pub synchronous: u8,
    /// The size of a page.
    pub page: u32,
    /// How many pages the cache holds: where they are few, pages are written before the commit.
    pub cache: u32,
    /// The medium.
    pub device: Device,
    /// Whether the log of WAL mode holds the rows when the app starts.
    pub leaves_log: bool,
}

impl Setup {
    /// One of those that apps have.
    pub fn any(rng: &mut Rng) -> Setup {
        let journal = Journal::ALL[rng.usize(..4)];
        let synchronous = match (journal, rng.u8(..8)) {
            // With the other journals NORMAL is documented to be unsafe where sectors are spoilt.
            (Journal::Wal, 0..4) => 1,
            (_, 4) => 3,
            _ => 2,
        };
        let device =
            Device { sector: [512, 512, 4096][rng.usize(..3)], powersafe: rng.u8(..3) == 0, ..Device::default() };
        Setup {
            journal,
            synchronous,
            page: [512, 1024, 4096][rng.usize(..3)],
            cache: [2000, 2000, 5][rng.usize(..3)],
            device,
            // With NORMAL, rows that were committed before may share a sector with what comes, and are not promised.
            leaves_log: journal == Journal::Wal && (synchronous > 1 || device.powersafe) && rng.bool(),
        }
    }

    /// Opens the database of a disk as the app does.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn open(&self, disk: &Disk) -> rusqlite::Result<Connection> {
        let db = vfs::open(disk)?;
        let Setup { journal, synchronous, page, cache, .. } = self;
        db.execute_batch(&format!(
            "PRAGMA page_size = {page}; PRAGMA cache_size = {cache}; PRAGMA synchronous = {synchronous};
             PRAGMA journal_mode = {journal:?}"
        ))?;
        Ok(db)
    }

    /// Makes the database of a case.
    ///
    /// # Errors
    /// What the library or SQLite says.
    pub fn make(&self, case: &Case) -> Result<Files, String> {
        let disk = Disk::new(&Files::new(), self.device);
        let mut db = self.open(&disk).map_err(|e| e.to_string())?;
        if self.leaves_log {
            db.execute_batch("PRAGMA wal_autocheckpoint = 0").map_err(|e| e.to_string())?;
        }
        case.make(&mut db).map_err(|e| e.to_string())?;
        let log = self.leaves_log.then(|| disk.files());
        drop(db);
        Ok(log.unwrap_or_else(|| disk.files()))
    }

    /// Whether what was committed lasts when power fails right after. Without a sync of the folder, a deleted journal
    /// may be there again, and undoes it; with NORMAL, the log is synced later.
    fn lasts(&self) -> bool {
        match self.journal {
            Journal::Delete => self.synchronous >= 3,
            Journal::Truncate | Journal::Persist | Journal::Wal => self.synchronous >= 2,
        }
    }
}

/// What an app does when it starts.
pub type Start<'s> = &'s dyn Fn(&mut Connection) -> Result<(), String>;

fn unit(seed: u64) -> Tally {
    let mut rng = Rng::with_seed(seed);
    let case = match any_case(&mut rng) {
        Ok(case) => case,
        Err(what) => {
            return Tally { bad: vec![Finding { unit: seed, what, story: String::new() }], ..Tally::default() };
        }
    };
    let setup = Setup::any(&mut rng);
    let tally = crash(&case, &setup, &|db| case.start.run(db).map_err(|e| e.to_string()), seed, MOST);
    told(tally, &case)
}

/// One of the cases that are written by hand, or a random change of a random schema.
///
/// # Errors
/// Where a case that is written by hand is wrong.
pub fn any_case(rng: &mut Rng) -> Result<Cow<'static, Case>, String> {
    let cases = cases()?;
    if rng.u8(..4) == 0
        && let Some(case) = pairs::case((0..20).map(|_| rng.u64(..)))
    {
        return Ok(Cow::Owned(case));
    }
    Ok(Cow::Borrowed(&cases[rng.usize(..cases.len())]))
}

/// Tells of a random case what it is.
pub fn told(mut tally: Tally, case: &Case) -> Tally {
    if let (true, AppStart::Push { after, .. }) = (case.name.starts_with("pair "), &case.start) {
        tally.note("of random changes", tally.tried);
        for finding in &mut tally.bad {
            finding.story.push_str(&format!("\n-- {}, before\n{}\n-- after\n{after}\n", case.name, case.before));
        }
    }
    tally
}

/// So many points of a log are tried by one unit, so that none takes much longer than others.
const MOST: usize = 400;
/// Around the commit, and after, every point is tried.
const LAST: usize = 24;

/// Crashes a start of a case at its points, or at about so many of them.
pub fn crash(case: &Case, setup: &Setup, start: Start<'_>, seed: u64, most: usize) -> Tally {
    let mut rng = Rng::with_seed(seed);
    let every = if rng.u8(..8) == 0 { 1 } else { 16 };
    let mut trial = Trial { case, setup, start, seed, every, most, rng, tally: Tally::default(), is_new: false };
    if let Err(e) = trial.run() {
        trial.bad(format!("the start cannot be tried: {e}"), String::new());
    }
    trial.tally
}

struct Trial<'t> {
    case: &'t Case,
    setup: &'t Setup,
    start: Start<'t>,
    seed: u64,
    /// One state of so many is started once more.
    every: usize,
    most: usize,
    rng: Rng,
    tally: Tally,
    /// Whether a process that was killed at an earlier point has left the new version.
    is_new: bool,
}

/// How it stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The process ended.
    Killed,
    /// The last write was done in part.
    Torn,
    /// Power failed, and all that was not synced is as it was.
    Gone,
    /// Power failed, and some of what was not synced is as it was.
    Lost,
    /// Power failed, and some of what was not synced is spoilt.
    Spoilt,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stop::Killed => "the process was killed",
            Stop::Torn => "the last write was done in part",
            Stop::Gone => "power failed, and nothing came through that was not synced",
            Stop::Lost => "power failed, and some sectors did not come through",
            Stop::Spoilt => "power failed, and some sectors are spoilt",
        })
    }
}

impl Trial<'_> {
    fn run(&mut self) -> Result<(), String> {
        let before = self.setup.make(self.case)?;
        let disk = Disk::new(&before, self.setup.device);
        let ids = disk.ids();
        disk.record();
        let mut db = self.setup.open(&disk).map_err(|e| e.to_string())?;
        (self.start)(&mut db)?;
        let returned = disk.recorded();
        drop(db);
        let log = disk.recording();
        let mut medium = Medium::new(&before, &ids, self.setup.device);
        for point in 0..=log.len() {
            if point + LAST < returned && self.rng.usize(..log.len()) >= self.most {
                if let Some(last) = point.checked_sub(1) {
                    medium.go_on(&log, last);
                }
                continue;
            }
            for (stop, files) in self.stops(&mut medium, &log, point) {
                // A write that is done in part was never answered.
                let is_done = point >= returned + usize::from(stop == Stop::Torn);
                let must_be_new = is_done && (matches!(stop, Stop::Killed | Stop::Torn) || self.setup.lasts());
                let story = self.story(&log, point, stop);
                self.look(&files, stop, must_be_new, &story);
                if self.rng.u8(..16) == 0 {
                    self.recover(&files, must_be_new, &story);
                }
            }
            if self.tally.bad.len() > 3 {
                break;
            }
        }
        Ok(())
    }

    /// The states that a crash may leave behind the first `point` entries of the log. The medium is at the point before.
    fn stops(&mut self, medium: &mut Medium, log: &[Op], point: usize) -> Vec<(Stop, Files)> {
        let rng = &mut self.rng;
        let mut stops = Vec::new();
        if let Some(last) = point.checked_sub(1) {
            if matches!(log[last], Op::Write { .. }) {
                let failure = Failure { kept: 0.5, spoilt: if rng.bool() { 0.5 } else { 0.0 } };
                stops.push((Stop::Torn, medium.torn(&log[last], failure, rng)));
            }
            medium.go_on(log, last);
            // After a sync the process finds what it found before.
            if !matches!(log[last], Op::Sync { .. }) {
                stops.push((Stop::Killed, medium.killed()));
            }
        }
        if !medium.is_synced() {
            let kept = [0.1, 0.5, 0.9][rng.usize(..3)];
            stops.push((Stop::Gone, medium.failed(log, Failure { kept: 0.0, spoilt: 0.0 }, rng)));
            stops.push((Stop::Lost, medium.failed(log, Failure { kept, spoilt: 0.0 }, rng)));
            stops.push((Stop::Spoilt, medium.failed(log, Failure { kept, spoilt: 0.5 }, rng)));
        }
        stops
    }

    /// Opens what a crash has left.
    fn look(&mut self, files: &Files, stop: Stop, must_be_new: bool, story: &str) {
        self.tally.tried += 1;
        let disk = Disk::new(files, self.setup.device);
        let found = self.setup.open(&disk).map_err(|e| e.to_string());
        let outcome = found.and_then(|db| self.examine(&db).map(|side| (side, db)));
        let (side, mut db) = match outcome {
            Ok(found) => found,
            Err(e) => return self.bad(e, story.to_owned()),
        };
        self.tally.note(if side == Side::Old { "old" } else { "new" }, 1);
        if side == Side::Old && must_be_new {
            return self.bad("what was done is undone".into(), story.to_owned());
        }
        if side == Side::Old && stop == Stop::Killed && self.is_new {
            return self.bad("it was at the new version already".into(), story.to_owned());
        }
        self.is_new |= side == Side::New && stop == Stop::Killed;
        if self.rng.usize(..self.every) == 0 {
            self.tally.note("started again", 1);
            let again = (self.start)(&mut db).and_then(|()| self.examine(&db));
            match again {
                Ok(Side::New) => {}
                Ok(Side::Old) => self.bad("another start did nothing".into(), story.to_owned()),
                Err(e) => self.bad(format!("after another start: {e}"), story.to_owned()),
            }
        }
    }

    /// Which version a database holds, where it is whole.
    fn examine(&self, db: &Connection) -> Result<Side, String> {
        let image = Image::read(db).map_err(|e| format!("it cannot be read: {e}"))?;
        let side = image.side(&self.case.old, &self.case.new)?;
        let damage = damage(db).map_err(|e| format!("it cannot be checked: {e}"))?;
        match damage.first() {
            None => Ok(side),
            Some(damage) => Err(format!("it is damaged: {damage}")),
        }
    }

    /// Crashes while what an earlier crash has left is recovered.
    fn recover(&mut self, files: &Files, must_be_new: bool, story: &str) {
        let is_hot = |(name, content): (&String, &crate::disk::Content)| !name.is_empty() && !content.is_empty();
        if !files.iter().any(is_hot) {
            return;
        }
        let disk = Disk::new(files, self.setup.device);
        let ids = disk.ids();
        disk.record();
        let recovered = self.setup.open(&disk).and_then(|db| {
            db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(())
        });
        // A database that cannot be opened was found bad before.
        if recovered.is_err() {
            return;
        }
        let log = disk.recording();
        let mut medium = Medium::new(files, &ids, self.setup.device);
        let was_new = std::mem::replace(&mut self.is_new, false);
        for point in 1..=log.len() {
            let mut stops = self.stops(&mut medium, &log, point);
            if stops.is_empty() {
                continue;
            }
            let (stop, files) = stops.swap_remove(self.rng.usize(..stops.len()));
            self.tally.note("while recovering", 1);
            let again = self.story(&log, point, stop);
            self.look(&files, stop, must_be_new, &format!("{story}\n  then, while that was recovered:\n{again}"));
        }
        self.is_new = was_new;
    }

    fn story(&self, log: &[Op], point: usize, stop: Stop) -> String {
        let mut story =
            format!("  case: {}\n  {:?}\n  {stop}, at {point} of {}", self.case.name, self.setup, log.len());
        for (n, op) in log.iter().enumerate().take(point).skip(point.saturating_sub(4)) {
            let line = match op {
                Op::Write { file, from, bytes } => format!("{file:?}: {} bytes written at {from}", bytes.len()),
                op => format!("{op:?}"),
            };
            story += &format!("\n    {n}: {line}");
        }
        story
    }

    fn bad(&mut self, what: String, story: String) {
        let what = format!("{}: {what}", self.case.name);
        self.tally.bad.push(Finding { unit: self.seed, what, story });
    }
}
