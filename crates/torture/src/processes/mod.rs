//! Real processes: killed in the middle, racing for one database, short of space; and a server that ends its sessions.
//!
//! The program starts itself as the child. What the child does stands in one variable of its environment: a start of an
//! app, worked out from the same number as in the parent, on a file that the parent has made. Parent and child talk over
//! the child's standard input and output, a byte at a time, so that no moment depends on how fast the machine is: the
//! child stops at the instant it was told, by its own count of what SQLite has done, and goes on when it is told to.

mod kills;
mod quota;
mod races;
#[cfg(unix)]
mod server;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use rusqlite::Connection;
use whimbrel_oracle::{Image, Side, damage};

use crate::case::{Case, Start};
use crate::scenarios::{Outcome, image_of, said};
use crate::{Finding, Tally};

pub use kills::LAYER as KILLS;
pub use quota::LAYER as QUOTA;
pub use races::LAYER as RACES;
#[cfg(unix)]
pub use server::{FAULTS as SERVER_FAULTS, LAYER as SERVER};

/// What the child does: `<number of the case> <what> <at> <file>`.
const JOB: &str = "TORTURE_CHILD";

/// The mistake that is planted in the child.
#[cfg(feature = "planted-bugs")]
const PLANTED: &str = "TORTURE_PLANTED";

/// Instructions of SQLite's machine from one tick to the next: a row that is copied takes about twenty.
const EVERY: std::ffi::c_int = 200;

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Says which program is started as the child, where it is not the one that runs: a test says `torture`.
pub fn set_program(path: impl Into<PathBuf>) {
    let _ = PROGRAM.set(path.into());
}

fn program() -> Result<PathBuf, String> {
    PROGRAM.get().cloned().map_or_else(|| std::env::current_exe().map_err(said), Ok)
}

/// A database and a start with the settings that an app has made.
struct App {
    case: Case,
    journal: &'static str,
    synchronous: &'static str,
    /// Whether there are versions between the old one and the new one, from which the next start goes on.
    is_stepwise: bool,
}

/// The case of a number: a push with a rebuild, an upgrade by twenty migrations, or one in phases, of so many rows.
fn app(number: u64, rows: u32) -> Result<App, String> {
    let mut random = Rng::with_seed(number);
    let journal = ["delete", "wal", "truncate", "persist"][random.usize(..4)];
    let synchronous = ["full", "normal", "off", "extra"][random.usize(..4)];
    let (case, is_stepwise) = match random.u8(..3) {
        0 => (rebuild(rows)?, false),
        1 => (twenty(rows)?, false),
        _ => (phases(rows)?, true),
    };
    Ok(App { case, journal, synchronous, is_stepwise })
}

/// A push that makes two tables anew, with all that hangs on them.
fn rebuild(rows: u32) -> Result<Case, String> {
    let schema = |people: &str, notes: &str, name: fn(&str) -> String| {
        format!(
            "CREATE TABLE {}(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT COLLATE NOCASE{people});
             CREATE TABLE {}(owner INTEGER REFERENCES people(id) ON DELETE CASCADE, body TEXT{notes});
             CREATE TABLE log(line TEXT);
             CREATE INDEX by_owner ON notes(owner, body);
             CREATE VIEW long AS SELECT owner, body FROM notes WHERE length(body) > 20;
             CREATE TRIGGER logged AFTER DELETE ON notes BEGIN INSERT INTO log VALUES (old.body); END;",
            name("people"),
            name("notes")
        )
    };
    let plain = |name: &str| name.to_owned();
    let quoted = |name: &str| format!("\"{name}\"");
    let values = format!(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {})
           INSERT INTO people SELECT n * 3, 'person ' || n FROM n;
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows})
           INSERT INTO notes(rowid, owner, body) SELECT n * 2, (n % {people} + 1) * 3, 'note ' || n || substr('{long}', 1, n % 90) FROM n;",
        (rows / 4).max(1),
        people = (rows / 4).max(1),
        long = "-".repeat(90)
    );
    let (before, after) = (schema("", "", plain), schema(" UNIQUE", ", CHECK (body <> '')", plain));
    let old = format!("{before} {values}");
    // The new CHECK comes in place, where SQLite can do that; so it is made unable to by a key that is new.
    let after = after.replace("ON DELETE CASCADE", "ON DELETE SET NULL");
    let new = schema(" UNIQUE", ", CHECK (body <> '')", quoted).replace("ON DELETE CASCADE", "ON DELETE SET NULL");
    Ok(Case {
        name: "a push with rebuilds".to_owned(),
        old: image_of(&old)?,
        new: image_of(&format!("{new} {values}"))?,
        before: old,
        start: Start::Push { after, renames: Vec::new(), accept_data_loss: false },
    })
}

/// Twenty migrations, some of which write all rows again.
fn twenty(rows: u32) -> Result<Case, String> {
    let mut scripts = vec!["CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);".to_owned()];
    for n in 2..=20 {
        scripts.push(match n % 3 {
            0 => format!(
                "CREATE TABLE copy(id INTEGER PRIMARY KEY, body TEXT, {} x{n} INTEGER DEFAULT {n});
                 INSERT INTO copy SELECT *, {n} FROM notes; DROP TABLE notes; ALTER TABLE copy RENAME TO notes;",
                (2..n).map(|n| format!("x{n} INTEGER DEFAULT {n}, ")).collect::<String>()
            ),
            1 => format!(
                "ALTER TABLE notes ADD COLUMN x{n} INTEGER DEFAULT {n}; CREATE INDEX i{n} ON notes(body, x{n});"
            ),
            _ => format!("ALTER TABLE notes ADD COLUMN x{n} INTEGER DEFAULT {n}; UPDATE notes SET x{n} = id;"),
        });
    }
    let values = format!(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows})
           INSERT INTO notes SELECT n * 2, 'note ' || n FROM n;"
    );
    Ok(Case {
        name: "an upgrade by twenty migrations".to_owned(),
        old: image_of(&format!("{} {values}", scripts[0]))?,
        new: image_of(&format!("{} {values} {}", scripts[0], scripts[1..].join("\n")))?,
        before: values,
        start: Start::Upgrade { scripts, known: 1 },
    })
}

/// A migration in phases, each of which must have run once; the rows are filled in portions.
fn phases(rows: u32) -> Result<Case, String> {
    let table = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, times INTEGER DEFAULT 0);";
    let first = "UPDATE notes SET times = times + 1; ALTER TABLE notes ADD COLUMN size INTEGER;";
    let third = "UPDATE notes SET times = times * 10 + 3; CREATE INDEX by_size ON notes(size, times);";
    let in_phases = format!(
        "{first}
         -- whimbrel: backfill
         UPDATE notes SET size = length(body) WHERE id IN (SELECT id FROM notes WHERE size IS NULL LIMIT 200);
         -- whimbrel: phase third
         {third}"
    );
    let values = format!(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows})
           INSERT INTO notes(id, body) SELECT n, 'note ' || n FROM n;"
    );
    let at_once = format!("{table} {values} {first} UPDATE notes SET size = length(body); {third}");
    Ok(Case {
        name: "an upgrade in phases".to_owned(),
        old: image_of(&format!("{table} {values}"))?,
        new: image_of(&at_once)?,
        before: values,
        start: Start::Upgrade { scripts: vec![table.to_owned(), in_phases], known: 1 },
    })
}

impl App {
    fn story(&self) -> String {
        let App { case, journal, synchronous, .. } = self;
        format!("{}, journal_mode = {journal}, synchronous = {synchronous}", case.name)
    }

    fn open(&self, path: &Path, wait: Duration) -> Result<Connection, String> {
        let connection = Connection::open(path).map_err(said)?;
        let App { journal, synchronous, .. } = self;
        // What the app sets is its own business; how its library waits is what is tried.
        connection.busy_timeout(Duration::from_secs(300)).map_err(said)?;
        connection
            .execute_batch(&format!("PRAGMA journal_mode = {journal}; PRAGMA synchronous = {synchronous}"))
            .map_err(said)?;
        connection.busy_timeout(wait).map_err(said)?;
        Ok(connection)
    }

    /// Makes the database as it was before.
    fn make(&self, path: &Path) -> Outcome {
        let mut connection = self.open(path, Duration::ZERO)?;
        // What is prepared is not what is tried.
        connection.execute_batch("PRAGMA synchronous = OFF").map_err(said)?;
        self.case.start.prepare(&mut connection).map_err(said)?;
        connection.execute_batch(&format!("BEGIN; {} COMMIT;", self.case.before)).map_err(said)
    }

    /// Looks at a database that somebody was interrupted at: it is whole and at one of the two versions (`None` where it
    /// may be between them, and is), and the next start, of an app that does not wait, gets to the new one and leaves no
    /// lock behind.
    fn look(&self, path: &Path) -> Result<Option<Side>, String> {
        let mut connection = self.open(path, Duration::ZERO)?;
        if let Some(damage) = damage(&connection).map_err(said)?.first() {
            return Err(format!("it is damaged: {damage}"));
        }
        let side = match Image::read(&connection).map_err(said)?.side(&self.case.old, &self.case.new) {
            Ok(side) => Some(side),
            Err(_) if self.is_stepwise => None,
            Err(neither) => return Err(neither),
        };
        self.case.start.run(&mut connection).map_err(|e| format!("the next start failed, from {side:?}: {e}"))?;
        let image = Image::read(&connection).map_err(said)?;
        if let Some(difference) = image.difference(&self.case.new) {
            return Err(format!("after the next start, from {side:?}: {difference}"));
        }
        if let Some(damage) = damage(&connection).map_err(said)?.first() {
            return Err(format!("after the next start it is damaged: {damage}"));
        }
        drop(connection);
        // A process that ends behind its commit leaves the file of its lock for the next upgrade, and nobody holds it.
        if side != Some(Side::New) {
            no_lock(path)?;
        }
        Ok(side)
    }
}

/// Fails where the file of a lock is beside the database.
fn no_lock(path: &Path) -> Outcome {
    let folder = path.parent().unwrap_or(path);
    for entry in std::fs::read_dir(folder).map_err(said)? {
        let name = entry.map_err(said)?.file_name();
        if name.to_string_lossy().contains("lock") {
            return Err(format!("{} was left behind", name.display()));
        }
    }
    Ok(())
}

/// What a child does, besides starting an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It stops at a tick, and waits to be told to go on.
    StopAtTick(u64),
    /// It stops before a commit.
    StopAtCommit(u64),
    /// It stops before it starts, and waits for the database where its library does not.
    Race,
}

impl Way {
    fn words(self) -> (&'static str, u64) {
        match self {
            Way::StopAtTick(n) => ("tick", n),
            Way::StopAtCommit(n) => ("commit", n),
            Way::Race => ("race", 0),
        }
    }

    fn read(what: &str, at: u64) -> Option<Way> {
        match what {
            "tick" => Some(Way::StopAtTick(at)),
            "commit" => Some(Way::StopAtCommit(at)),
            "race" => Some(Way::Race),
            _ => None,
        }
    }
}

/// What the environment of a child says.
fn job(number: u64, rows: u32, way: Way, path: &Path) -> OsString {
    let (what, at) = way.words();
    let mut job = OsString::from(format!("{number} {rows} {what} {at} "));
    job.push(path);
    job
}

fn start_child(command: &mut Command, number: u64, rows: u32, way: Way, path: &Path) -> Result<Child, String> {
    #[cfg(feature = "planted-bugs")]
    if let Some(bug) = whimbrel::planted::planted() {
        command.env(PLANTED, format!("{bug:?}"));
    }
    command
        .env(JOB, job(number, rows, way, path))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("the child does not start: {e}"))
}

/// Waits until a child has stopped where it should, or has come to its end.
fn has_stopped(child: &mut Child) -> bool {
    let mut byte = [0];
    child.stdout.as_mut().is_some_and(|out| out.read_exact(&mut byte).is_ok()) && byte == *STOPPED
}

/// Tells a child to go on.
fn go_on(child: &mut Child) {
    // A child that is gone does not listen any more; what it has said tells why.
    let _ = child.stdin.as_mut().map(|input| input.write_all(b"g").and_then(|()| input.flush()));
}

/// What a child has said at its end.
fn last_words(mut child: Child) -> Result<String, String> {
    drop(child.stdin.take());
    let mut words = String::new();
    if let Some(mut out) = child.stdout.take() {
        out.read_to_string(&mut words).map_err(said)?;
    }
    child.wait().map_err(said)?;
    Ok(words.trim_start_matches('.').trim().to_owned())
}

const STOPPED: &[u8; 1] = b".";

/// Stops until the parent says a byte.
fn stop() {
    let mut out = std::io::stdout();
    let _ = out.write_all(STOPPED).and_then(|()| out.flush());
    let _ = std::io::stdin().read_exact(&mut [0]);
}

static TICKS: AtomicU64 = AtomicU64::new(0);
static COMMITS: AtomicU64 = AtomicU64::new(0);
/// Microseconds from the beginning to the last commit.
static LAST_COMMIT: AtomicU64 = AtomicU64::new(0);

/// Does what a child does, where this process is one: `None` where it is not.
pub fn child() -> Option<ExitCode> {
    let job = std::env::var_os(JOB)?;
    let job = job.to_string_lossy().into_owned();
    let outcome = do_job(&job);
    let words = outcome.unwrap_or_else(|why| format!("broken {why}"));
    let mut out = std::io::stdout();
    let _ = out.write_all(words.as_bytes()).and_then(|()| out.flush());
    Some(ExitCode::SUCCESS)
}

fn do_job(job: &str) -> Result<String, String> {
    #[cfg(feature = "planted-bugs")]
    if let Ok(name) = std::env::var(PLANTED) {
        use whimbrel::planted::{Planted, plant};
        plant(Planted::ALL.iter().copied().find(|bug| format!("{bug:?}") == name));
    }
    let mut words = job.splitn(5, ' ');
    let mut next = || words.next().ok_or("a word is missing");
    let (number, rows): (u64, u32) = (next()?.parse().map_err(said)?, next()?.parse().map_err(said)?);
    let (what, at) = (next()?, next()?.parse().map_err(said)?);
    let way = Way::read(what, at).ok_or("nobody knows this way")?;
    let path = PathBuf::from(next()?);
    let app = app(number, rows)?;
    let is_push = matches!(app.case.start, Start::Push { .. });
    let wait = if way == Way::Race && is_push { Duration::from_secs(300) } else { Duration::ZERO };
    if way == Way::Race {
        stop();
    }
    let mut connection = app.open(&path, wait)?;
    let begin = Instant::now();
    let tick = move || {
        if TICKS.fetch_add(1, Ordering::Relaxed) + 1 == at && way == Way::StopAtTick(at) {
            stop();
        }
        false
    };
    let commit = move || {
        LAST_COMMIT.store(micros(begin), Ordering::Relaxed);
        if COMMITS.fetch_add(1, Ordering::Relaxed) + 1 == at && way == Way::StopAtCommit(at) {
            stop();
        }
        false
    };
    connection.progress_handler(EVERY, Some(tick)).map_err(said)?;
    connection.commit_hook(Some(commit)).map_err(said)?;
    let outcome = app.case.start.run_waiting(&mut connection, Duration::from_secs(300));
    let whole = micros(begin);
    Ok(match outcome {
        Ok(has_changed) => format!(
            "done {} {} {} {}",
            u8::from(has_changed),
            TICKS.load(Ordering::Relaxed),
            COMMITS.load(Ordering::Relaxed),
            whole.saturating_sub(LAST_COMMIT.load(Ordering::Relaxed))
        ),
        Err(e) => format!("failed {} {:?} {e}", e.code(), e.report().state),
    })
}

fn micros(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// A unit that counts for one, and what it says when something is wrong.
fn one(unit: u64, story: &str, outcome: Result<&'static str, String>) -> Tally {
    let mut tally = Tally { tried: 1, ..Tally::default() };
    match outcome {
        Ok(note) => tally.note(note, 1),
        Err(what) => tally.bad.push(Finding { unit, what, story: format!("  {story}") }),
    }
    tally
}
