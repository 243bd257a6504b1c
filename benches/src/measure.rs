//! Runs the contestants of a case in turn, round after round, each in a process of its own.
//!
//! In each round another one goes first, and the same files lie at the same place for everybody: whatever else the
//! machine does meanwhile hits all of them alike. A contestant that has used up its time leaves the later rounds to the
//! others, after three measurements at least.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use peer_protocol::Outcome;
use rusqlite::Connection;
use serde_json::Value;

use crate::cases::{Case, Database, Entry, Role};
use crate::disk;
use crate::peers::Peers;
use crate::results::{CaseResult, Measured};
use crate::server::Origin;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Rounds in which everybody has a turn.
    pub rounds: u32,
    /// The time after which a contestant leaves the rounds of a case.
    pub time: Duration,
}

/// Measures a case.
///
/// # Errors
/// Where its files cannot be made. A contestant that fails is left out, with its words.
pub fn measure(case: &Case, root: &Path, effort: Effort, peers: &mut Peers) -> Outcome<CaseResult> {
    let folder = case.fixture.make(root)?;
    let place = root.join("run");
    let origin = case.fixture.is_on_server().then(|| Origin::make(&folder).map_err(|why| why.to_string())).transpose();
    let mut taking_part: Vec<Turn<'_>> = Vec::new();
    for entry in &case.entries {
        let mut turn = Turn { entry, measured: Measured::new(entry), spent: Duration::ZERO, own: None };
        if let Err(why) = &origin {
            turn.measured.left_out = Some(why.clone());
        } else if let Err(why) = turn.prepare(case, &folder, root, peers) {
            turn.measured.left_out = Some(why.to_string());
        }
        taking_part.push(turn);
    }
    for round in 0..effort.rounds {
        let count = taking_part.len();
        for place_in_round in 0..count {
            let turn = &mut taking_part[(place_in_round + round as usize) % count];
            let is_done = turn.spent > effort.time && turn.measured.nanoseconds.len() >= 3;
            if turn.measured.left_out.is_some() || is_done {
                continue;
            }
            let start = Instant::now();
            let origin = origin.as_ref().ok().and_then(Option::as_ref);
            if let Err(why) = turn.take(case, &folder, origin, &place, peers) {
                turn.measured.left_out = Some(why.to_string());
            }
            turn.spent += start.elapsed();
        }
    }
    let _ = fs::remove_dir_all(&place);
    Ok(CaseResult {
        name: case.name.clone(),
        title: case.title.clone(),
        wanted_of_limit: case.of_limit,
        wanted_of_peers: case.of_peers,
        contestants: taking_part.into_iter().map(|turn| turn.measured).collect(),
    })
}

struct Turn<'c> {
    entry: &'c Entry,
    measured: Measured,
    spent: Duration,
    /// The database that the contestant has made for itself.
    own: Option<PathBuf>,
}

impl Turn<'_> {
    fn prepare(&mut self, case: &Case, folder: &Path, root: &Path, peers: &mut Peers) -> Outcome {
        let program = peers.program(self.entry.who)?;
        if case.database == Database::Own {
            let own = root.join("own").join(format!("{}-{}", file_name(folder), self.entry.label.replace(' ', "-")));
            if !own.exists() {
                fs::create_dir_all(&own)?;
                let file = own.join("app.db");
                let mut ignored = Measured::new(self.entry);
                run(&program, "start-prepare", &file, 1, folder, false, &mut ignored)
                    .inspect_err(|_| drop(fs::remove_dir_all(&own)))?;
            }
            self.own = Some(own.join("app.db"));
        }
        Ok(())
    }

    fn take(
        &mut self,
        case: &Case,
        folder: &Path,
        origin: Option<&Origin>,
        place: &Path,
        peers: &mut Peers,
    ) -> Outcome {
        let program = peers.program(self.entry.who)?;
        let file = match (case.database, &self.own, origin) {
            (Database::Copied, _, Some(origin)) => origin.copy()?,
            (_, _, Some(origin)) => origin.url(),
            (Database::Own, Some(own), None) => own.clone(),
            (Database::Shared, _, None) => folder.join("app.db"),
            _ => {
                let _ = fs::remove_dir_all(place);
                fs::create_dir_all(place)?;
                let file = place.join("app.db");
                if case.database == Database::Copied {
                    fs::copy(folder.join("app.db"), &file)?;
                    // What the copy has left in the caches is on the disk before anybody's clock runs.
                    fs::File::open(&file)?.sync_all()?;
                }
                file
            }
        };
        let watch_disk = case.database == Database::Copied && origin.is_none();
        run(&program, &self.entry.case, &file, case.repetitions, folder, watch_disk, &mut self.measured)?;
        // A scan only reads: it is the limit, and changes nothing.
        let reads_only = self.entry.role == Role::Limit && self.entry.case.ends_with(":scan");
        if let (Some(proof), false) = (&case.proof, reads_only) {
            let is_proven = match origin {
                Some(origin) => origin.is_proven(proof)?,
                None => {
                    Connection::open(&file)?.query_row(proof, [], |row| row.get::<_, Option<bool>>(0))? == Some(true)
                }
            };
            if !is_proven {
                return Err("the change was not made, or rows are gone".into());
            }
        }
        Ok(())
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A program and the words in front of a contestant's own arguments.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// The words.
    pub words: Vec<String>,
    /// The variables of its environment.
    pub environment: BTreeMap<String, String>,
}

/// Runs a contestant's process, and takes down what it tells.
fn run(
    program: &Program,
    case: &str,
    file: &Path,
    repetitions: u32,
    folder: &Path,
    watch_disk: bool,
    measured: &mut Measured,
) -> Outcome {
    let mut command = Command::new(&program.path);
    command.args(&program.words).arg(case).arg(file).arg(repetitions.to_string()).arg(folder);
    command.envs(&program.environment).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Only where a database is changed; a look at the folder would cost more than a start that finds nothing to do.
    let watched = file.parent().filter(|_| watch_disk);
    let size = watched.map_or(0, disk::bytes_in);
    let mut child = command.spawn().map_err(|e| format!("{} cannot be started: {e}", program.path.display()))?;
    let (Some(out), Some(mut err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err("a process without output".into());
    };
    let (id, is_over) = (child.id(), AtomicBool::new(false));
    let (peak, said, status) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watched.map_or(0, |folder| disk::peak(id, folder, &is_over)));
        let listener = scope.spawn(move || {
            let mut text = String::new();
            let _ = std::io::Read::read_to_string(&mut err, &mut text);
            text
        });
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if let Ok(line) = serde_json::from_str(&line) {
                note(&line, measured);
            }
        }
        let status = child.wait();
        is_over.store(true, Ordering::Relaxed);
        (watcher.join().unwrap_or(0), listener.join().unwrap_or_default(), status)
    });
    let status = status?;
    measured.disk_bytes = measured.disk_bytes.max(peak.saturating_sub(size));
    match status.success() {
        true => Ok(()),
        false => Err(match said.trim().lines().last() {
            Some(last) => last.to_owned(),
            None => format!("it ended with {status}"),
        }
        .into()),
    }
}

fn note(line: &Value, measured: &mut Measured) {
    measured.nanoseconds.extend(line["ns"].as_u64());
    measured.processor_nanoseconds.extend(line["processor_ns"].as_u64());
    for (part, time) in line["parts"].as_object().into_iter().flatten() {
        let part = measured.parts.entry(part.clone()).or_default();
        part.nanoseconds.extend(time["ns"].as_u64());
        part.processor_nanoseconds.extend(time["processor_ns"].as_u64());
    }
    for (name, to) in [("about", &mut measured.about), ("sqlite", &mut measured.sqlite)] {
        if let Some(text) = line[name].as_str() {
            *to = text.to_owned();
        }
    }
    if let Some(peak) = line["peak_kib"].as_u64() {
        measured.peak_kib = measured.peak_kib.max(peak);
    }
    if let Some(bytes) = line["announced_disk_bytes"].as_u64() {
        measured.announced_disk_bytes = Some(bytes);
    }
}
