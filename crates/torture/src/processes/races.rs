//! Eight processes that start at once on an old database: one changes it, and nobody sees an error.
//!
//! All of them stand at the line until the last has come, and are let go together.

use std::process::{Child, Command};
use std::time::Duration;

use rusqlite::Connection;
use whimbrel_oracle::{Image, damage};

use super::{Way, app, go_on, has_stopped, last_words, no_lock, one, program, start_child};
use crate::scenarios::said;
use crate::{Layer, Tally};

/// The layer.
pub const LAYER: Layer = Layer {
    name: "races",
    counted: "rounds of 8 starters",
    about: "eight processes start at once on an old database",
    full: 200,
    quick: 5,
    unit,
};

const ROWS: u32 = 60;
const STARTERS: usize = 8;

fn unit(seed: u64) -> Tally {
    match app(seed, ROWS) {
        Ok(app) => one(seed, &app.story(), race(seed, &app)),
        Err(why) => one(seed, "", Err(why)),
    }
}

fn race(seed: u64, app: &super::App) -> Result<&'static str, String> {
    let folder = tempfile::tempdir().map_err(said)?;
    let path = folder.path().join("app.db");
    app.make(&path)?;
    let start = |_| start_child(&mut Command::new(program()?), seed, ROWS, Way::Race, &path);
    let mut children: Vec<Child> = (0..STARTERS).map(start).collect::<Result<_, _>>()?;
    for child in &mut children {
        has_stopped(child);
    }
    children.iter_mut().for_each(go_on);
    let mut words: Vec<String> = children.into_iter().map(last_words).collect::<Result<_, _>>()?;
    words.sort();
    if let Some(other) = words.iter().find(|words| !words.starts_with("done ")) {
        return Err(format!("a starter said: {other}"));
    }
    let changed = words.iter().filter(|words| words.starts_with("done 1 ")).count();
    if changed != 1 {
        return Err(format!("{changed} of {STARTERS} have changed the database"));
    }
    let connection: Connection = app.open(&path, Duration::ZERO)?;
    if let Some(difference) = Image::read(&connection).map_err(said)?.difference(&app.case.new) {
        return Err(difference);
    }
    if let Some(damage) = damage(&connection).map_err(said)?.first() {
        return Err(damage.clone());
    }
    no_lock(&path)?;
    Ok(if app.case.name.contains("push") { "pushes" } else { "upgrades" })
}
