//! Fixed databases and starts with what has to come of them written out by hand, row by row.
//!
//! Random schemas find what nobody has thought of. What somebody has thought of stands here: each case is about one
//! mistake that was really made somewhere, and says in its name what must not happen. `pushes` declare a schema,
//! `upgrades` run migrations, `company` is about other connections and about answers that are lost.
//!
//! One unit runs all of them, in a file of a new folder. Its number decides the journal mode, and whether the app has
//! foreign keys switched on: neither may make a difference.

mod company;
mod pushes;
mod upgrades;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use whimbrel_oracle::{Image, damage};

use crate::{Finding, Layer, Tally};

/// The layer.
pub const LAYER: Layer = Layer {
    name: "scenarios",
    counted: "scenarios",
    about: "fixed cases, with what has to come of them written out by hand",
    full: 1_000,
    quick: 41,
    unit,
};

/// What went wrong, in words.
pub(crate) type Outcome = Result<(), String>;

/// A case.
struct Scenario {
    /// What it is about: what must be so.
    name: &'static str,
    run: fn(&Place) -> Outcome,
}

fn unit(seed: u64) -> Tally {
    let mut tally = Tally::default();
    for scenario in [pushes::ALL, upgrades::ALL, company::ALL].into_iter().flatten() {
        tally.tried += 1;
        let outcome = Place::new(seed).and_then(|place| (scenario.run)(&place));
        if let Err(what) = outcome {
            let story = format!("  scenario: {}\n  settings: {:?}", scenario.name, Settings::of(seed));
            tally.bad.push(Finding { unit: seed, what: format!("{}: {what}", scenario.name), story });
        }
    }
    tally
}

/// What an app has set on its connection.
#[derive(Debug, Clone, Copy)]
struct Settings {
    journal: &'static str,
    foreign_keys: bool,
}

impl Settings {
    fn of(seed: u64) -> Settings {
        let journal = ["delete", "truncate", "persist", "wal"][(seed % 4) as usize];
        Settings { journal, foreign_keys: seed & 4 == 0 }
    }
}

/// Where a scenario has its database.
struct Place {
    folder: tempfile::TempDir,
    settings: Settings,
}

impl Place {
    fn new(seed: u64) -> Result<Place, String> {
        let folder = tempfile::tempdir().map_err(said)?;
        Ok(Place { folder, settings: Settings::of(seed) })
    }

    /// A place of its own, with another journal mode.
    fn fresh(&self, journal: &'static str) -> Result<Place, String> {
        let folder = tempfile::tempdir().map_err(said)?;
        Ok(Place { folder, settings: Settings { journal, ..self.settings } })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    /// The database as an app opens it. It does not wait for others by itself.
    fn open(&self) -> Result<Connection, String> {
        let Settings { journal, foreign_keys } = self.settings;
        let connection = Connection::open(self.path()).map_err(said)?;
        connection.busy_timeout(Duration::ZERO).map_err(said)?;
        let set = format!("PRAGMA journal_mode = {journal}; PRAGMA foreign_keys = {foreign_keys};");
        connection.execute_batch(&set).map_err(said)?;
        Ok(connection)
    }

    /// The same, with what a script makes of it.
    fn made(&self, script: &str) -> Result<Connection, String> {
        let connection = self.open()?;
        connection.execute_batch(script).map_err(said)?;
        Ok(connection)
    }
}

/// An error as text.
pub(crate) fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Fails with a sentence unless something holds.
fn must(holds: bool, what: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(what()) }
}

/// All that a script makes of an empty database.
pub(crate) fn image_of(script: &str) -> Result<Image, String> {
    let connection = Connection::open_in_memory().map_err(said)?;
    connection.execute_batch("PRAGMA foreign_keys = OFF").map_err(said)?;
    connection.execute_batch(script).map_err(said)?;
    Image::read(&connection).map_err(said)
}

/// Fails unless a database holds this, undamaged.
fn must_hold(connection: &Connection, expected: &Image) -> Outcome {
    let image = Image::read(connection).map_err(said)?;
    if let Some(difference) = image.difference(expected) {
        return Err(difference);
    }
    match damage(connection).map_err(said)?.first() {
        None => Ok(()),
        Some(damage) => Err(damage.clone()),
    }
}

/// What is set on a connection; nothing of it is a migration's business.
fn settings_of(connection: &Connection) -> Result<Vec<String>, String> {
    let names = [
        "foreign_keys",
        "legacy_alter_table",
        "synchronous",
        "journal_mode",
        "ignore_check_constraints",
        "writable_schema",
        "query_only",
        "recursive_triggers",
        "busy_timeout",
    ];
    let get = |name: &&str| -> Result<String, String> {
        let value: rusqlite::types::Value =
            connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).map_err(said)?;
        Ok(format!("{name} = {value:?}"))
    };
    names.iter().map(get).collect()
}

/// A single number.
fn number(connection: &Connection, sql: &str) -> Result<i64, String> {
    connection.query_row(sql, [], |row| row.get(0)).map_err(|e| format!("{sql}: {e}"))
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(said)
}
