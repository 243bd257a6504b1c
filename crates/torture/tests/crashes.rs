//! Crashes find what is wrong, and the library is right.

use rusqlite::Connection;
use torture::case::Case;
use torture::crashes::{Journal, Setup, cases, crash};
use torture::disk::Device;
use torture::{Tally, unit_at};

fn case(name: &str) -> &'static Case {
    cases().unwrap().iter().find(|case| case.name == name).unwrap()
}

fn setup(journal: Journal) -> Setup {
    Setup { journal, synchronous: 2, page: 512, cache: 2000, device: Device::default(), leaves_log: false }
}

/// Crashes a start of plain SQL that makes the indexes of the case of that name.
fn by_hand(setup: Setup, start: impl Fn(&Connection, &str) -> rusqlite::Result<()>) -> Tally {
    let script = "CREATE UNIQUE INDEX note_body ON note(body); CREATE INDEX note_some ON note(n) WHERE n > 3;
        CREATE INDEX note_length ON note(length(body) + n, body);";
    let mut tally = Tally::default();
    for seed in 0..4 {
        tally.add(crash(
            case("new indexes"),
            &setup,
            &|db| {
                let is_done: bool = db
                    .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'note_length'", [], |row| row.get(0))
                    .map_err(|e| e.to_string())?;
                if is_done { Ok(()) } else { start(db, script).map_err(|e| e.to_string()) }
            },
            unit_at(7, seed),
            200,
        ));
    }
    tally
}

/// As most tools do it: right where nothing is set otherwise.
#[test]
fn one_transaction_is_whole() {
    for journal in Journal::ALL {
        let tally = by_hand(setup(journal), |db, script| db.execute_batch(&format!("BEGIN; {script} COMMIT")));
        assert_eq!(tally.bad.first().map(|bad| format!("{}\n{}", bad.what, bad.story)), None);
        assert!(tally.tried > 200, "{tally:?}");
        assert!(tally.notes.iter().all(|(_, count)| *count > 0) && tally.notes.len() > 3, "{:?}", tally.notes);
    }
}

/// An app had set it for speed, and the migration inherited it.
#[test]
fn a_start_that_does_not_sync_is_found() {
    let tally = by_hand(setup(Journal::Delete), |db, script| {
        db.execute_batch(&format!("PRAGMA synchronous = OFF; BEGIN; {script} COMMIT"))
    });
    assert!(!tally.bad.is_empty(), "{tally:?}");
}

/// A process that is killed between the two transactions leaves half of the work, and the next start believes the version.
#[test]
fn a_version_that_is_stamped_first_is_found() {
    let tally = by_hand(setup(Journal::Truncate), |db, script| {
        let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version == 2 {
            Ok(())
        } else {
            db.execute_batch(&format!("PRAGMA user_version = 2; BEGIN; {script} COMMIT"))
        }
    });
    assert!(tally.bad.iter().any(|bad| bad.what.contains("another start did nothing")), "{tally:?}");
}

#[test]
fn work_that_is_spread_over_transactions_is_found() {
    let tally = by_hand(setup(Journal::Persist), |db, script| db.execute_batch(script));
    assert!(tally.bad.iter().any(|bad| bad.what.contains("neither the old version")), "{tally:?}");
}

#[test]
fn a_disk_that_does_not_sync_is_found() {
    for journal in Journal::ALL {
        let lies = Setup { device: Device { lies: true, ..Device::default() }, ..setup(journal) };
        let case = case("a rebuild with triggers, views and foreign keys");
        let tally = crash(case, &lies, &|db| case.start.run(db).map_err(|e| e.to_string()), 3, 400);
        assert!(!tally.bad.is_empty(), "{journal:?}: {tally:?}");
    }
}

/// Every case once, at some points; the program tries them with all journals, and at all points.
#[test]
fn the_library_survives() {
    for (place, case) in cases().unwrap().iter().enumerate() {
        let seed = unit_at(2, place as u64);
        let setup = Setup { journal: Journal::ALL[place % 4], ..Setup::any(&mut fastrand::Rng::with_seed(seed)) };
        let tally = crash(case, &setup, &|db| case.start.run(db).map_err(|e| e.to_string()), seed, 20);
        assert_eq!(tally.bad.first().map(|bad| format!("{}\n{}", bad.what, bad.story)), None);
        assert!(tally.tried > 30, "{}: {tally:?}", case.name);
    }
}
