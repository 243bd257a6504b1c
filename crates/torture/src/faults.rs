//! Faults at every call: the disk fails, is full or is busy, memory runs out, or a request of the library's own fails.
//!
//! A start is run, and one call fails, or all from one on. Then what the library has said is compared with what the file
//! holds: an error says whether nothing has changed or all is applied, and has to be right. The file holds the old version
//! or the new one, whole, and a start without a fault brings it to the new one; on the same connection, too, where the
//! error does not say that it is to be closed.
//!
//! A unit is one case, one set of settings and one kind of fault, all chosen by its number, at up to `MOST` of the calls
//! that it can hit.

#[path = "../../whimbrel/tests/support/faulty.rs"]
mod faulty;

use std::time::Duration;

use fastrand::Rng;
use rusqlite::{Connection, ffi};
use whimbrel::run::{Cancel, UpgradeSettings, block_on, make_plan, run_plan, upgrade};
use whimbrel::{Code, Error, Schema, State};
use whimbrel_oracle::{Image, Side, damage};

use crate::case::{Case, Start};
use crate::crashes::{Setup, any_case, told};
use crate::disk::{Call, Disk, Fault, Files, Lasting};
use crate::vfs::{self, Scarcity};
use crate::{Finding, Layer, Tally};
use faulty::{Faulty, Mode};

/// Faults at every call of a start.
pub const LAYER: Layer = Layer {
    name: "faults",
    counted: "faults",
    about: "a call fails, once or from then on: of the disk, for memory, or a request of the library's own",
    full: 50_000,
    quick: 3_000,
    unit,
};

/// So many faults are tried by one unit at most.
const MOST: u64 = 60;

/// A kind of fault, without the place.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A call of SQLite to the disk; what is behind is set for each place.
    Disk(Fault),
    /// A request of SQLite for memory, and whether all that follow fail, too.
    Memory(bool),
    /// A request of the library.
    Request(Mode),
}

impl Kind {
    fn any(rng: &mut Rng, start: &Start) -> Kind {
        let has_requests = matches!(start, Start::Push { .. } | Start::Upgrade { .. });
        match rng.u8(..8) {
            0 | 1 if vfs::memory() => Kind::Memory(rng.bool()),
            2 if has_requests => Kind::Request([Mode::Before, Mode::After, Mode::Sticky][rng.usize(..3)]),
            _ => {
                let call = Call::ALL[rng.usize(..Call::ALL.len())];
                let other = match call {
                    Call::Write | Call::Sync | Call::Truncate => ffi::SQLITE_FULL,
                    Call::Lock | Call::SharedLock => ffi::SQLITE_BUSY,
                    Call::Open | Call::Read | Call::Delete | Call::Exists | Call::Size | Call::Map => {
                        ffi::SQLITE_IOERR_NOMEM
                    }
                };
                let code = if rng.bool() { call.usual_failure() } else { other };
                let changes = matches!(call, Call::Write | Call::Sync | Call::Truncate | Call::Delete);
                let is_done = changes && rng.bool();
                let lasting = [Lasting::Once, Lasting::Once, Lasting::Kind, Lasting::Disk][rng.usize(..4)];
                Kind::Disk(Fault { call, behind: 0, code, is_done, lasting })
            }
        }
    }

    /// What the table counts it as.
    fn note(&self) -> &'static str {
        match self {
            Kind::Memory(_) => "out of memory",
            Kind::Request(_) => "failed requests",
            Kind::Disk(Fault { code: ffi::SQLITE_FULL, .. }) => "disk full",
            Kind::Disk(Fault { code: ffi::SQLITE_BUSY, .. }) => "busy",
            Kind::Disk(_) => "disk errors",
        }
    }
}

fn unit(seed: u64) -> Tally {
    let mut rng = Rng::with_seed(seed);
    let mut tally = Tally::default();
    let outcome = any_case(&mut rng).and_then(|case| {
        let case = &*case;
        let setup = Setup::any(&mut rng);
        let kind = Kind::any(&mut rng, &case.start);
        let files = setup.make(case)?;
        let trial = Trial { case, setup: &setup, files: &files, kind };
        trial.all(&mut rng, seed, &mut tally)?;
        tally = told(std::mem::take(&mut tally), case);
        Ok(())
    });
    if let Err(what) = outcome {
        tally.bad.push(Finding { unit: seed, what, story: String::new() });
    }
    tally
}

/// Lets a call of each place of a start fail in that way; what is behind is set for each.
pub fn fail(case: &Case, setup: &Setup, fault: Fault) -> Tally {
    let mut tally = Tally::default();
    let outcome = setup.make(case).and_then(|files| {
        let trial = Trial { case, setup, files: &files, kind: Kind::Disk(fault) };
        trial.all(&mut Rng::with_seed(0), 0, &mut tally)
    });
    if let Err(what) = outcome {
        tally.bad.push(Finding { unit: 0, what, story: String::new() });
    }
    tally
}

struct Trial<'t> {
    case: &'t Case,
    setup: &'t Setup,
    files: &'t Files,
    kind: Kind,
}

impl Trial<'_> {
    /// Fails at as many places as there are, or at a selection of them.
    fn all(&self, rng: &mut Rng, seed: u64, tally: &mut Tally) -> Result<(), String> {
        let count = self.places()?;
        let step = count.div_ceil(MOST).max(1);
        let mut place = rng.u64(..step);
        while place < count {
            match self.fail(place, rng.bool()) {
                Ok(notes) => {
                    tally.tried += 1;
                    tally.note(self.kind.note(), 1);
                    for note in notes {
                        tally.note(note, 1);
                    }
                }
                Err(what) => {
                    tally.tried += 1;
                    let story =
                        format!("  case: {}\n  {:?}\n  {:?} behind {place}", self.case.name, self.setup, self.kind);
                    tally.bad.push(Finding { unit: seed, what: format!("{}: {what}", self.case.name), story });
                }
            }
            if tally.bad.len() > 3 {
                break;
            }
            place += 1 + if step > 1 { rng.u64(..2 * step - 1) } else { 0 };
        }
        Ok(())
    }

    /// How many calls there are that can fail.
    fn places(&self) -> Result<u64, String> {
        let disk = Disk::new(self.files, self.setup.device);
        let db = self.setup.open(&disk).map_err(|e| e.to_string())?;
        disk.plan(None);
        vfs::scarce(None);
        let (outcome, _) = self.start(db, u64::MAX);
        let (asked, _) = vfs::scarce(None);
        outcome.map_err(|e| format!("the start fails without a fault: {e}"))?;
        Ok(match self.kind {
            Kind::Disk(fault) => disk.calls().iter().find(|(call, _)| *call == fault.call).map_or(0, |(_, n)| *n),
            Kind::Memory(_) => asked,
            // They are not counted; what is behind the last one does not fail.
            Kind::Request(_) => 400,
        })
    }

    /// Runs the start, with requests that fail where that is what is tried. Returns what is left of the connection, and
    /// whether a request has failed.
    fn start(&self, db: Connection, place: u64) -> (Result<(), Error>, Started) {
        let Kind::Request(mode) = self.kind else {
            let mut db = db;
            let outcome = self.case.start.run_waiting(&mut db, Duration::ZERO).map(drop);
            return (outcome, Started { db: Some(db), has_failed: false });
        };
        let mut host = Faulty::new(db, usize::try_from(place).unwrap_or(usize::MAX), mode);
        let outcome = self.requests(&mut host);
        let has_failed = host.failed;
        (outcome, Started { db: None, has_failed })
    }

    fn requests(&self, host: &mut Faulty) -> Result<(), Error> {
        match &self.case.start {
            Start::Push { after, renames, accept_data_loss } => {
                let schema = Schema::from_sql(after)?;
                let mut settings =
                    whimbrel::run::Settings { accept_data_loss: *accept_data_loss, ..Default::default() };
                for (from, to) in renames {
                    settings.answers.rename(from, to)?;
                }
                block_on(async {
                    let plan = make_plan(host, &schema, &settings, &mut |_| None).await?;
                    run_plan(host, &plan, &mut (), &Cancel::default()).await.map(drop)
                })
            }
            Start::Upgrade { scripts, .. } => {
                let history = crate::case::history(scripts)?;
                let settings = UpgradeSettings { count_attempts: true, ..UpgradeSettings::default() };
                block_on(upgrade(host, &history, &settings, &mut (), &mut (), &Cancel::default())).map(drop)
            }
            // These are procedures of the library's front, which has one host.
            Start::AutoAlter { .. } | Start::Disposable { .. } => Ok(()),
        }
    }

    /// Fails once, and looks at what has become of it.
    fn fail(&self, place: u64, stays: bool) -> Result<Vec<&'static str>, String> {
        let disk = Disk::new(self.files, self.setup.device);
        let db = self.setup.open(&disk).map_err(|e| e.to_string())?;
        let mut notes = Vec::new();
        match self.kind {
            Kind::Disk(fault) => disk.plan(Some(Fault { behind: place, ..fault })),
            Kind::Memory(lasts) => drop(vfs::scarce(Some(Scarcity { behind: place, lasts }))),
            Kind::Request(_) => {}
        }
        let (outcome, started) = self.start(db, place);
        let (_, refused) = vfs::scarce(None);
        let has_failed = started.has_failed || refused > 0 || disk.failed() > 0;
        if !has_failed {
            notes.push("not reached");
        }
        let is_gone = matches!(self.kind, Kind::Disk(Fault { lasting: Lasting::Disk, .. }));
        // A process whose disk is gone ends with it; where it goes on, the fault is over.
        let kept = if stays && !is_gone {
            disk.plan(None);
            started.db
        } else {
            drop(started.db);
            disk.plan(None);
            None
        };
        let found = self.setup.open(&disk).map_err(|e| e.to_string()).and_then(|db| self.examine(&db));
        let side = found.map_err(|e| format!("{e}; the library said: {}", said(&outcome)))?;
        agrees(&outcome, side)?;
        match &outcome {
            Ok(()) => notes.push("succeeded all the same"),
            Err(_) if side == Side::New => notes.push("failed after the commit"),
            Err(_) => {}
        }
        if outcome.is_err() && !has_failed {
            return Err(format!("it fails without a fault: {}", said(&outcome)));
        }
        // The next start, of the same process or of another one.
        let is_to_be_closed = outcome.as_ref().is_err_and(|e| {
            e.code() == Code::NotRestored || e.report().help.iter().any(|h| h.contains("open") || h.contains("close"))
        });
        let mut next = match kept {
            Some(db) if !is_to_be_closed => {
                notes.push("started again on the same connection");
                check_settings(&db).map_err(|e| format!("{e}; the library said: {}", said(&outcome)))?;
                db
            }
            _ => self.setup.open(&disk).map_err(|e| e.to_string())?,
        };
        let again = self.case.start.run_waiting(&mut next, Duration::ZERO);
        let again = again.map_err(|e| e.to_string()).and_then(|_| self.examine(&next));
        match again {
            Ok(Side::New) => Ok(notes),
            Ok(Side::Old) => Err(format!("the next start did nothing, after {}", said(&outcome))),
            Err(e) => Err(format!("the next start: {e}, after {}", said(&outcome))),
        }
    }

    fn examine(&self, db: &Connection) -> Result<Side, String> {
        let image = Image::read(db).map_err(|e| format!("it cannot be read: {e}"))?;
        let side = plain(&image).side(&plain(&self.case.old), &plain(&self.case.new))?;
        let damage = damage(db).map_err(|e| format!("it cannot be checked: {e}"))?;
        damage.first().map_or(Ok(side), |damage| Err(format!("it is damaged: {damage}")))
    }
}

/// Where a question to the database fails, a table may be rebuilt that could have been edited, and its name is quoted.
fn plain(image: &Image) -> Image {
    let mut image = image.clone();
    for sql in image.objects.iter_mut().filter_map(|object| object.sql.as_mut()) {
        sql.retain(|c| c != '"');
    }
    image
}

struct Started {
    /// What is left of it; a host keeps its connection for itself.
    db: Option<Connection>,
    has_failed: bool,
}

fn said(outcome: &Result<(), Error>) -> String {
    match outcome {
        Ok(()) => "nothing is wrong".into(),
        Err(e) => format!("{:?} {:?}: {e}", e.code(), e.report().state),
    }
}

/// Whether the library has said what is so.
fn agrees(outcome: &Result<(), Error>, side: Side) -> Result<(), String> {
    let is_right = match outcome {
        Ok(()) => side == Side::New,
        Err(e) => match e.report().state {
            State::Unchanged | State::RolledBack => side == Side::Old,
            State::Applied => side == Side::New,
            State::Unknown => e.code() == Code::OutcomeUnknown,
            // None of the cases has migrations of several parts.
            State::Begun => false,
        },
    };
    if is_right { Ok(()) } else { Err(format!("the file is {side:?}, and the library says: {}", said(outcome))) }
}

/// The connection is as the app has made it.
fn check_settings(db: &Connection) -> Result<(), String> {
    for (name, value) in [("foreign_keys", 1), ("legacy_alter_table", 0), ("writable_schema", 0), ("query_only", 0)] {
        let now: i64 = db.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).map_err(|e| e.to_string())?;
        if now != value {
            return Err(format!("{name} is left at {now}"));
        }
    }
    if db.is_autocommit() { Ok(()) } else { Err("a transaction is left open".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tool stamped its version, the commit failed, and it said that all was well.
    #[test]
    fn what_is_not_so_is_found() {
        let failed = |state| Err(Error::new(Code::StatementFailed, "it failed").state(state));
        assert!(agrees(&Ok(()), Side::New).is_ok());
        assert!(agrees(&Ok(()), Side::Old).is_err());
        for state in [State::Unchanged, State::RolledBack] {
            assert!(agrees(&failed(state), Side::Old).is_ok());
            assert!(agrees(&failed(state), Side::New).is_err());
        }
        assert!(agrees(&failed(State::Applied), Side::Old).is_err());
        assert!(agrees(&failed(State::Applied), Side::New).is_ok());
        assert!(agrees(&failed(State::Unknown), Side::New).is_err(), "it has a code of its own");
        assert!(agrees(&failed(State::Begun), Side::Old).is_err());
        let unknown = Err(Error::new(Code::OutcomeUnknown, "it cannot be told").state(State::Unknown));
        assert!(agrees(&unknown, Side::Old).is_ok() && agrees(&unknown, Side::New).is_ok());
    }
}
