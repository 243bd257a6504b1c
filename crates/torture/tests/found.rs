//! What crashes and faults have found, each as a case with its story.

use rusqlite::ffi;
use torture::case::Case;
use torture::crashes::{Journal, Setup, cases};
use torture::disk::{Call, Device, Fault, Lasting};
use torture::faults;

fn case(name: &str) -> &'static Case {
    cases().unwrap().iter().find(|case| case.name == name).unwrap()
}

/// With synchronous FULL on a disk that promises nothing, SQLite fills the sector behind a commit up. The disk was full
/// only then: COMMIT failed, and the connection saw the old version, so the library said that all was rolled back. But the
/// commit stood complete in the log, and the next process that opened the database found it there. The same where the sync
/// of the log fails.
#[test]
fn a_commit_that_failed_does_not_come_back_from_the_log() {
    let device = Device { sector: 4096, ..Device::default() };
    let setup = Setup { journal: Journal::Wal, synchronous: 2, page: 512, cache: 2000, device, leaves_log: false };
    for name in ["ADD COLUMN", "seventeen of twenty migrations"] {
        for (call, code) in [(Call::Write, ffi::SQLITE_FULL), (Call::Sync, ffi::SQLITE_IOERR_FSYNC)] {
            for lasting in [Lasting::Once, Lasting::Kind, Lasting::Disk] {
                let fault = Fault { call, behind: 0, code, is_done: false, lasting };
                let tally = faults::fail(case(name), &setup, fault);
                assert_eq!(tally.bad.first().map(|bad| format!("{}\n{}", bad.what, bad.story)), None);
            }
        }
    }
}

/// The tables were changed and committed, and then the record of it could not be written: the library said that nothing
/// had changed.
#[test]
fn what_auto_alter_has_committed_is_told_when_its_record_fails() {
    let setup = Setup {
        journal: Journal::Truncate,
        synchronous: 2,
        page: 1024,
        cache: 2000,
        device: Device::default(),
        leaves_log: false,
    };
    let fault =
        Fault { call: Call::Write, behind: 0, code: ffi::SQLITE_IOERR_WRITE, is_done: true, lasting: Lasting::Once };
    let tally = faults::fail(case("a schema that is kept by auto-alter"), &setup, fault);
    assert_eq!(tally.bad.first().map(|bad| format!("{}\n{}", bad.what, bad.story)), None);
    assert!(tally.notes.iter().any(|(about, count)| *about == "failed after the commit" && *count > 0), "{tally:?}");
}
