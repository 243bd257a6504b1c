//! Migrations: what is recorded, what is refused, and what another version of the app finds.

use rusqlite::Connection;
use whimbrel::history::{Files, Snapshot};
use whimbrel::{Code, Error, Folder, History, MemoryFiles, Migrator, Schema, State, Upgrade, UpgradeKind, backup};
use whimbrel_oracle::Image;

use super::{Outcome, Place, Scenario, bytes, image_of, must, must_hold, number, said, settings_of};

pub(super) const ALL: &[Scenario] = &[
    Scenario { name: "a start with nothing to do writes nothing", run: nothing_to_do },
    Scenario { name: "a script that was only laid out anew is the same", run: laid_out_anew },
    Scenario { name: "a migration that was edited after it ran is refused", run: edited },
    Scenario { name: "a database of a newer app is not written", run: newer },
    Scenario { name: "a phase that ran does not run again", run: phases },
    Scenario { name: "each upgrade is a batch of its own", run: batches },
    Scenario { name: "a new database has the rows that migrations insert", run: seeds },
    Scenario { name: "a backup holds what is in the log", run: backups },
    Scenario { name: "an older app goes back by what the newer one has left", run: way_back },
    Scenario { name: "after three failed starts nothing more is tried", run: held },
    Scenario { name: "a version that mends it is tried at once", run: released },
    Scenario { name: "a script that leaves rows without a parent is undone", run: orphans },
    Scenario { name: "a step that ends the transaction ends the upgrade", run: transaction_ended },
    Scenario { name: "what the upgrade relies on is set while it runs, and put back", run: settings },
    Scenario { name: "a migration that came in late is not skipped without a word", run: late },
    Scenario { name: "tables without a record are not taken for a new database", run: nobodys },
];

/// A history of these scripts.
fn history(scripts: &[&str]) -> Result<History, String> {
    let mut files = MemoryFiles::default();
    for (n, script) in scripts.iter().enumerate() {
        files.write(&format!("{:04}_m{}.sql", n + 1, n + 1), script.as_bytes()).map_err(said)?;
    }
    Ok(Folder::read(&files).map_err(said)?.history)
}

const NOTES: &str = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);";
const STARS: &str = "ALTER TABLE notes ADD COLUMN stars INTEGER;";
const ROWS: &str = "INSERT INTO notes(id, body) VALUES (1, 'one'), (4, NULL);";

/// A database of the first of these versions, with rows.
fn old_app(place: &Place) -> Result<Connection, String> {
    let mut app = place.open()?;
    Migrator::new(&history(&[NOTES])?).run(&mut app).map_err(said)?;
    app.execute_batch(ROWS).map_err(said)?;
    Ok(app)
}

fn must_fail(outcome: Result<Upgrade, Error>, code: Code) -> Result<Error, String> {
    match outcome {
        Err(e) if e.code() == code => Ok(e),
        Err(e) => Err(format!("it failed with {}, and not with {code}: {e}", e.code())),
        Ok(upgrade) => Err(format!("it went through: {upgrade:?}")),
    }
}

fn nothing_to_do(place: &Place) -> Outcome {
    let history = history(&[NOTES, STARS])?;
    let mut app = old_app(place)?;
    Migrator::new(&history).run(&mut app).map_err(said)?;
    drop(app);
    for start in ["second", "third"] {
        let before = bytes(&place.path())?;
        let mut app = place.open()?;
        let upgrade = Migrator::new(&history).run(&mut app).map_err(said)?;
        must(upgrade.kind == UpgradeKind::Unchanged, || format!("the {start} start is {:?}", upgrade.kind))?;
        drop(app);
        must(bytes(&place.path())? == before, || format!("the {start} start has written"))?;
    }
    Ok(())
}

fn laid_out_anew(place: &Place) -> Outcome {
    let mut app = old_app(place)?;
    let laid_out =
        "\u{feff}-- What people write down.\r\nCREATE TABLE notes (\r\n  id INTEGER PRIMARY KEY, body TEXT\r\n) ;\r\n";
    let upgrade = Migrator::new(&history(&[laid_out, STARS])?).run(&mut app).map_err(said)?;
    must(upgrade.to == 2, || format!("{upgrade:?}"))?;
    must_hold(&app, &image_of(&format!("{NOTES} {STARS} {ROWS}"))?)
}

fn edited(place: &Place) -> Outcome {
    let mut app = old_app(place)?;
    let old = Image::read(&app).map_err(said)?;
    let edited = history(&["CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT NOT NULL);", STARS])?;
    must_fail(Migrator::new(&edited).run(&mut app), Code::MigrationEdited)?;
    must_hold(&app, &old)
}

fn newer(place: &Place) -> Outcome {
    let mut app = old_app(place)?;
    Migrator::new(&history(&[NOTES, STARS])?).run(&mut app).map_err(said)?;
    drop(app);
    let before = bytes(&place.path())?;
    let mut app = place.open()?;
    must_fail(Migrator::new(&history(&[NOTES])?).run(&mut app), Code::DatabaseNewer)?;
    drop(app);
    must(bytes(&place.path())? == before, || "it was written".to_owned())
}

fn phases(place: &Place) -> Outcome {
    let in_phases = "UPDATE notes SET body = coalesce(body, '') || '!';
        -- whimbrel: phase second
        ALTER TABLE notes ADD COLUMN stars INTEGER;";
    let history = history(&[NOTES, in_phases])?;
    let mut app = old_app(place)?;
    let stopped = Migrator::new(&history).after(2, |_| Err("stopped".into())).run(&mut app);
    let error = must_fail(stopped, Code::AppStep)?;
    must(error.report().state == State::Begun, || format!("the state is said to be {:?}", error.report().state))?;
    Migrator::new(&history).run(&mut app).map_err(said)?;
    must_hold(&app, &image_of(&format!("{NOTES} {STARS} INSERT INTO notes(id, body) VALUES (1, 'one!'), (4, '!');"))?)
}

fn batches(place: &Place) -> Outcome {
    let mut app = old_app(place)?;
    Migrator::new(&history(&[NOTES, STARS])?).run(&mut app).map_err(said)?;
    let last = number(&app, "SELECT batch FROM _whimbrel_migrations WHERE idx = 2")?;
    must(last == 2, || format!("the second upgrade is batch {last}"))
}

fn seeds(place: &Place) -> Outcome {
    let mut known = history(&[NOTES, ROWS])?;
    let snapshot = Snapshot::of(&Schema::from_sql(NOTES).map_err(said)?);
    let mut migrations = known.migrations.into_owned();
    migrations.iter_mut().skip(1).for_each(|migration| migration.seeds = true);
    known = History::new(migrations, Some(snapshot));
    let mut app = place.open()?;
    let upgrade = Migrator::new(&known).run(&mut app).map_err(said)?;
    must(upgrade.kind == UpgradeKind::Created, || format!("{upgrade:?}"))?;
    must_hold(&app, &image_of(&format!("{NOTES} {ROWS}"))?)
}

fn backups(place: &Place) -> Outcome {
    let mut app = old_app(place)?;
    app.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(said)?;
    app.execute_batch("INSERT INTO notes VALUES (9, 'still in the log')").map_err(said)?;
    let old = Image::read(&app).map_err(said)?;
    Migrator::new(&history(&[NOTES, STARS])?).backup(1).run(&mut app).map_err(said)?;
    let backups = backup::list(&place.path()).map_err(said)?;
    let [only] = backups.as_slice() else { return Err(format!("there are {} backups", backups.len())) };
    must_hold(&Connection::open(&only.path).map_err(said)?, &old)
}

fn way_back(place: &Place) -> Outcome {
    let mut files = MemoryFiles::default();
    for (name, script) in
        [("0001_m1.sql", NOTES), ("0002_m2.sql", STARS), ("0002_m2.down.sql", "ALTER TABLE notes DROP COLUMN stars;")]
    {
        files.write(name, script.as_bytes()).map_err(said)?;
    }
    let newer = Folder::read(&files).map_err(said)?.history;
    let mut app = old_app(place)?;
    let old = Image::read(&app).map_err(said)?;
    Migrator::new(&newer).keep_down_scripts(true).run(&mut app).map_err(said)?;
    let back = Migrator::new(&history(&[NOTES])?).allow_downgrade(true).run(&mut app).map_err(said)?;
    must(back.kind == UpgradeKind::Downgraded, || format!("{back:?}"))?;
    must_hold(&app, &old)
}

/// A database whose upgrade has failed three times.
fn failed_thrice(place: &Place) -> Result<Connection, String> {
    let history = history(&[NOTES, STARS])?;
    let mut app = old_app(place)?;
    for _ in 0..3 {
        must_fail(Migrator::new(&history).after(2, |_| Err("too slow".into())).run(&mut app), Code::AppStep)?;
    }
    Ok(app)
}

fn held(place: &Place) -> Outcome {
    let mut app = failed_thrice(place)?;
    let history = history(&[NOTES, STARS])?;
    must_fail(Migrator::new(&history).run(&mut app), Code::Held)?;
    must_hold(&app, &image_of(&format!("{NOTES} {ROWS}"))?)?;
    Migrator::new(&history).retry(true).run(&mut app).map_err(said)?;
    must_hold(&app, &image_of(&format!("{NOTES} {STARS} {ROWS}"))?)
}

fn released(place: &Place) -> Outcome {
    let mut app = failed_thrice(place)?;
    let mended = history(&[NOTES, "ALTER TABLE notes ADD COLUMN stars INTEGER DEFAULT 0;"])?;
    Migrator::new(&mended).run(&mut app).map_err(said)?;
    let expected = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, stars INTEGER DEFAULT 0);";
    must_hold(&app, &image_of(&format!("{expected} {ROWS}"))?)
}

fn orphans(place: &Place) -> Outcome {
    let first = "CREATE TABLE people(id INTEGER PRIMARY KEY);
        CREATE TABLE notes(owner INTEGER REFERENCES people(id) ON DELETE CASCADE);
        INSERT INTO people VALUES (1), (2); INSERT INTO notes VALUES (1), (2);";
    let mut app = place.open()?;
    Migrator::new(&history(&[first])?).run(&mut app).map_err(said)?;
    let next = history(&[first, "DELETE FROM people WHERE id = 2;"])?;
    must_fail(Migrator::new(&next).run(&mut app), Code::RowsDoNotFit)?;
    must_hold(&app, &image_of(first)?)
}

fn transaction_ended(place: &Place) -> Outcome {
    let history = history(&[NOTES, STARS])?;
    let mut app = old_app(place)?;
    let old = Image::read(&app).map_err(said)?;
    let commit = |tx: &Connection| Ok(tx.execute_batch("COMMIT")?);
    let outcome = Migrator::new(&history).before(2, commit).run(&mut app);
    must_hold(&app, &old)?;
    must_fail(outcome, Code::TransactionLost).map(drop)
}

fn settings(place: &Place) -> Outcome {
    let history = history(&[NOTES, STARS])?;
    let mut app = old_app(place)?;
    // An app in a hurry.
    app.execute_batch(
        "PRAGMA synchronous = OFF; PRAGMA legacy_alter_table = ON; PRAGMA ignore_check_constraints = ON;",
    )
    .map_err(said)?;
    let before = settings_of(&app)?;
    let mut seen = (0, 0, 0);
    let look = |tx: &Connection| {
        let get = |name: &str| tx.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
        seen = (get("synchronous")?, get("foreign_keys")?, get("legacy_alter_table")?);
        Ok(())
    };
    Migrator::new(&history).after(2, look).run(&mut app).map_err(said)?;
    must(seen == (2, 0, 0), || format!("synchronous, foreign_keys and legacy_alter_table were {seen:?}"))?;
    let after = settings_of(&app)?;
    must(after == before, || format!("the settings were {before:?} and are {after:?}"))
}

fn late(place: &Place) -> Outcome {
    let mut app = old_app(place)?;
    let named = |names: &[(&str, &str)]| -> Result<History, String> {
        let mut files = MemoryFiles::default();
        for (name, script) in names {
            files.write(name, script.as_bytes()).map_err(said)?;
        }
        Ok(Folder::read(&files).map_err(said)?.history)
    };
    let third = ("0003_m3.sql", STARS);
    Migrator::new(&named(&[("0001_m1.sql", NOTES), third])?).run(&mut app).map_err(said)?;
    let old = Image::read(&app).map_err(said)?;
    let with_late = named(&[("0001_m1.sql", NOTES), ("0002_m2.sql", "CREATE TABLE tags(name TEXT);"), third])?;
    must_fail(Migrator::new(&with_late).run(&mut app), Code::OutOfOrder)?;
    must_hold(&app, &old)
}

fn nobodys(place: &Place) -> Outcome {
    let mut app = place.made(&format!("{NOTES} {ROWS}"))?;
    let old = Image::read(&app).map_err(said)?;
    let first = "CREATE TABLE IF NOT EXISTS notes(id INTEGER PRIMARY KEY, body TEXT);";
    must_fail(Migrator::new(&history(&[first])?).run(&mut app), Code::NotTracked)?;
    must_hold(&app, &old)
}
