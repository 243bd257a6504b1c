//! What the `migrate` commands share: from the options to a folder of migrations, and how it and a database stand to
//! each other.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use rusqlite::Connection;
use whimbrel::history::author::{Edit, Write};
use whimbrel::history::standing::Item;
use whimbrel::history::{
    Files, History, MemoryFiles, Migration, Origin, Policy, Problem, Record, RecordState, Standing, adopt, same_version,
};
use whimbrel::run::{self, Replayed, Tracking, block_on};
use whimbrel::sqlite_host::Sqlite;
use whimbrel::{Code, Error, Folder, FolderFiles};

use crate::arguments::{ProjectArguments, shown};
use crate::configuration::{Configuration, FILE};
use crate::database::{self, Database};
use crate::failure::{self, CONFIGURATION, Exit, Failure};
use crate::render::{GONE, NEW, printable, shell_word, styled};
use crate::session::Session;

/// The folder that is meant where none is named.
const DIR: &str = "migrations";

/// A folder of migrations, and what belongs to it.
pub struct Project {
    /// The folder.
    pub files: FolderFiles,
    /// The database, where one is named.
    pub database: Option<Database>,
    /// The sources of the declared schema.
    pub schema: Vec<OsString>,
    /// Patterns of tables that are left out of sight.
    pub ignore: Vec<String>,
    /// The defaults of the project.
    pub configuration: Configuration,
    /// The options that name folder and database, as they were written.
    words: Vec<OsString>,
}

impl Project {
    /// Reads the options and the configuration.
    pub fn new(arguments: &ProjectArguments) -> Result<Project, Failure> {
        let configuration = Configuration::find()?;
        match (&arguments.dialect, &configuration.dialect) {
            (Some(dialect), _) => check_dialect(dialect, Failure::usage)?,
            (None, Some(dialect)) => check_dialect(dialect, |message| {
                let problem = failure::Problem::new(CONFIGURATION, format!("{FILE}: {message}"));
                Failure::new(Exit::Usage, problem)
            })?,
            (None, None) => {}
        }
        let database = Database::named(arguments.db.as_ref(), &configuration)?;
        let dir = arguments.dir.as_ref().or(configuration.dir.as_ref());
        if dir.is_some_and(|dir| dir.is_empty()) {
            return Err(Failure::usage("the name of the folder is empty").help("name a folder with --dir"));
        }
        let mut words = Vec::new();
        if let Some(dir) = &arguments.dir {
            words.extend(["--dir".into(), dir.clone()]);
        }
        if let Some(db) = &arguments.db {
            words.extend(["--db".into(), db.clone()]);
        }
        let schema = if arguments.schema.is_empty() { &configuration.schema } else { &arguments.schema };
        Ok(Project {
            files: FolderFiles::new(dir.map_or(OsStr::new(DIR), OsString::as_os_str)),
            database,
            schema: schema.clone(),
            ignore: configuration.ignore.iter().chain(&arguments.ignore).cloned().collect(),
            configuration,
            words,
        })
    }

    /// The folder in messages.
    pub fn dir(&self) -> String {
        self.files.path().display().to_string()
    }

    /// The database, which a command cannot do without.
    pub fn database(&self) -> Result<&Database, Failure> {
        self.database.as_ref().ok_or_else(Database::unnamed)
    }

    /// Whether the folder is there.
    pub fn has_folder(&self) -> bool {
        self.files.path().is_dir()
    }

    /// Reads the folder, which has to be there.
    pub fn read(&self) -> Result<Folder, Failure> {
        if !self.has_folder() && !self.files.path().exists() {
            let error = Error::new(Code::MigrationFiles, format!("there is no folder {}", self.dir()));
            return Err(error.help("name the folder with --dir, or make it with `whimbrel migrate generate`").into());
        }
        Ok(Folder::read(&self.files)?)
    }

    /// Reads the folder; what does not fit together in it is refused, with all of it told.
    pub fn read_sound(&self) -> Result<Folder, Failure> {
        let folder = self.read()?;
        match refusal(&folder.problems) {
            Some(refusal) => Err(refusal),
            None => Ok(folder),
        }
    }

    /// Opens the database that is named, if one is, without writing or creating it.
    pub fn look(&self) -> Result<Looked, Failure> {
        let Some(database) = &self.database else { return Ok(Looked { connection: None, creates: false }) };
        let (connection, bytes) = database.open_for_planning()?;
        Ok(Looked { connection: Some(connection), creates: bytes.is_none() })
    }

    /// The folder's files in memory: what is worked out there is written when all of it is done.
    pub fn copy(&self) -> Result<MemoryFiles, Failure> {
        let mut copy = MemoryFiles::default();
        for path in self.files.list()?.into_iter().filter(|path| is_text(path)) {
            copy.0.insert(path.clone(), self.files.read(&path)?);
        }
        Ok(copy)
    }

    /// Writes an edit, and records and tells which files it changed.
    pub fn write(&mut self, session: &mut Session, edits: &[Edit]) -> Result<(), Failure> {
        let mut written = Vec::new();
        let mut removed = Vec::new();
        for write in edits.iter().flat_map(|edit| &edit.writes) {
            let (path, list) = match write {
                Write::File { path, .. } => (path, &mut written),
                Write::Remove { path } => (path, &mut removed),
            };
            let path = self.shown_path(path);
            if !list.contains(&path) {
                list.push(path);
            }
        }
        session.record("written", &written);
        session.record("removed", &removed);
        for edit in edits {
            edit.apply(&mut self.files)?;
        }
        session.applied = !edits.iter().all(Edit::is_empty);
        written.iter().for_each(|path| session.say(&format!("  {} {}", styled(NEW, "+"), printable(path))));
        removed.iter().for_each(|path| session.say(&format!("  {} {}", styled(GONE, "-"), printable(path))));
        Ok(())
    }

    /// The database, where the command line itself names one: what a default names is not changed by the way.
    pub fn database_of_words(&self) -> Option<&Database> {
        self.database.as_ref().filter(|database| database.word.is_some())
    }

    /// A `migrate` command with the options that say where.
    pub fn command(&self, command: &str) -> String {
        let mut out = format!("whimbrel migrate {command}");
        for word in &self.words {
            out.push(' ');
            out.push_str(&printable(&shell_word(&shown(word))));
        }
        out
    }

    /// What stands in the folder under a path.
    pub fn shown_path(&self, path: &str) -> String {
        let name = self.files.path().join(Path::new(path)).display().to_string();
        if cfg!(windows) { name.replace('\\', "/") } else { name }
    }
}

/// A database that is only looked at.
pub struct Looked {
    /// The connection; one to an empty database in memory where the file is not there yet.
    pub connection: Option<Connection>,
    /// Whether the file is not there yet.
    pub creates: bool,
}

/// Another tool by its name.
pub fn tool_name(tool: adopt::Tool) -> String {
    tool.to_string()
}

/// Whether a file is one that migrations are made of.
fn is_text(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    path.ends_with(".sql") || path.ends_with(".json")
}

/// What a history makes of an empty database.
pub fn replay(history: &History) -> whimbrel::Result<Replayed> {
    let cannot = |e: rusqlite::Error| Error::new(Code::CannotOpen, "no database in memory can be opened").cause(e);
    let scratch = Connection::open_in_memory().map_err(cannot)?;
    block_on(run::replay(&mut Sqlite::new(&scratch), history))
}

/// The time that new files bear: now, unless SOURCE_DATE_EPOCH says otherwise, as
/// <https://reproducible-builds.org/specs/source-date-epoch/> has it.
pub struct Now {
    /// The day: `2026-11-21`.
    pub day: String,
    /// The time as digits: `20261121093000`.
    pub digits: String,
}

impl Now {
    /// The time.
    pub fn get() -> Now {
        let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.trim().parse::<i64>().ok());
        let given = given.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let time = given.unwrap_or_else(jiff::Timestamp::now);
        Now { day: time.strftime("%Y-%m-%d").to_string(), digits: time.strftime("%Y%m%d%H%M%S").to_string() }
    }
}

/// Whether the dialect is one that this version knows.
fn check_dialect(dialect: &str, failure: impl Fn(String) -> Failure) -> Result<(), Failure> {
    match dialect.to_ascii_lowercase().as_str() {
        "sqlite" => Ok(()),
        "postgres" | "postgresql" => Err(failure("PostgreSQL is not supported by this version of whimbrel".to_owned())
            .help("this version makes migrations of SQLite databases: sqlite")),
        _ => Err(failure(format!("{} is no dialect that whimbrel knows", printable(dialect))).help("write sqlite")),
    }
}

/// Why nothing can run, if something keeps it from running.
pub fn refusal(problems: &[Problem]) -> Option<Failure> {
    let problems: Vec<_> = problems.iter().filter(|problem| problem.blocks).map(failure::Problem::from).collect();
    (!problems.is_empty()).then_some(Failure { exit: Exit::Refused, problems })
}

/// The migration that somebody means.
pub fn find<'h>(history: &'h History, word: &str) -> Result<&'h Migration, Failure> {
    history.find(word).ok_or_else(|| {
        let error = Error::new(Code::UnknownMigration, format!("there is no migration {}", printable(word)));
        error.help("name it by number, version or name; `whimbrel migrate list` shows them").into()
    })
}

/// How a folder and a database stand to each other.
pub struct Overview<'h> {
    /// What the database says of itself; none where there is no database.
    pub tracking: Option<Tracking>,
    /// What has run, and what has not.
    pub standing: Standing<'h>,
    /// What has not run, also where it came in late.
    pub pending: Vec<Item<'h>>,
    /// All that does not fit, in the folder and between the two.
    pub problems: Vec<Problem>,
    /// Another tool's record in the database, with the numbers of the migrations it says have run.
    pub other_tool: Option<(adopt::Tool, Vec<u32>)>,
}

/// How the comparison is made.
#[derive(Default)]
pub struct Compare {
    /// What is done with migrations that came in late.
    pub policy: Policy,
    /// Whether the schema is compared also where nothing says that it was changed.
    pub always_look: bool,
    /// Whether another tool's record is taken for the database's own.
    pub adopt: bool,
    /// Whether a schema that was changed by hand keeps nothing from running.
    pub accept_drift: bool,
}

impl<'h> Overview<'h> {
    /// Compares. Nothing is written.
    pub fn new(
        project: &Project,
        folder: &'h Folder,
        connection: Option<&Connection>,
        how: &Compare,
    ) -> Result<Overview<'h>, Failure> {
        let history = &folder.history;
        let Some(connection) = connection else {
            let standing = Standing::of(history, &[], how.policy);
            let pending = standing.pending.clone();
            let problems = folder.problems.clone();
            return Ok(Overview { tracking: None, standing, pending, problems, other_tool: None });
        };
        let tracking = block_on(run::read_tracking(&mut Sqlite::new(connection)))?;
        let mut problems = Vec::new();
        let mut other_tool = None;
        let mut adopted = Vec::new();
        let name = project.database.as_ref().map(Database::shown).unwrap_or_default();
        match &tracking.state {
            None if !tracking.is_fresh() => {
                match block_on(run::read_other_tool(&mut Sqlite::new(connection), history)) {
                    Ok(found) => other_tool = found,
                    Err(e) => problems.push(from_error(&e, &name)),
                }
                match &other_tool {
                    Some((_, applied)) if how.adopt => {
                        let has_run = |m: &&Migration| applied.contains(&m.idx);
                        let record = |m: &Migration| Record::of(m, Origin::Baseline, 1, 0, 0);
                        adopted = history.originals().filter(has_run).map(record).collect();
                    }
                    _ if problems.is_empty() => problems.push(not_tracked(&name, other_tool.is_some())),
                    _ => {}
                }
            }
            Some(state) if state.strategy != run::VERSIONED => {
                let message = format!("{name} is kept as {}, and not by versioned migrations", state.strategy);
                problems.push(
                    Problem::new(Code::NotTracked, None, &name, message)
                        .help("open it the way it was made, or adopt it with `whimbrel migrate baseline`"),
                );
            }
            _ => {}
        }
        let records = if adopted.is_empty() { &tracking.records } else { &adopted };
        let standing = Standing::of(history, records, how.policy);
        let pending = Standing::of(history, records, Policy::Allow).pending;
        problems.extend(standing.problems.iter().cloned());
        problems.extend(standing.newer.iter().map(newer));
        if let Some(problem) = held(&tracking, history) {
            problems.push(problem);
        }
        if standing.blocker().is_none() && standing.newer.is_empty() {
            problems.extend(drift(project, connection, &tracking, &standing, how)?);
        }
        let all = told_once(&folder.problems, problems);
        Ok(Overview { tracking: Some(tracking), standing, pending, problems: all, other_tool })
    }

    /// What the database has run, in the order of running.
    pub fn records(&self) -> &[Record] {
        self.tracking.as_ref().map_or(&[], |tracking| &tracking.records)
    }

    /// The record of a migration, also where that was edited or has another number since.
    pub fn record(&self, migration: &Migration) -> Option<&Record> {
        let is_same = |record: &&Record| record.checksum == migration.checksum;
        let has_version = |record: &&Record| same_version(&record.version, &migration.version);
        let by = |test: &dyn Fn(&&Record) -> bool| self.records().iter().find(test);
        by(&|r| is_same(r) && has_version(r)).or_else(|| by(&is_same)).or_else(|| by(&has_version))
    }

    /// Everything that is in the folder or in the database, in order.
    pub fn rows(&self, history: &'h History) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        for migration in history.migrations.iter() {
            let is_whole = self.is_pending(migration) || migration.originals().all(|m| self.is_done(m));
            if is_whole || migration.replaces.is_empty() {
                rows.push(self.row(migration));
            } else {
                rows.extend(migration.originals().map(|original| self.row(original)));
            }
        }
        let is_known = |record: &&Record| {
            history.originals().any(|m| self.record(m).is_some_and(|known| known.id == record.id))
        };
        for record in self.records().iter().filter(|record| !is_known(record)) {
            let is_newer = self.standing.newer.contains(record);
            let state = if is_newer { RowState::Newer } else { RowState::Missing };
            rows.push(Row { migration: None, record: Some(record), state });
        }
        rows.sort_by_key(Row::idx);
        rows
    }

    fn row<'s>(&'s self, migration: &'s Migration) -> Row<'s> {
        let last = migration.originals().last().unwrap_or(migration);
        let state = match self.pending.iter().find(|item| std::ptr::eq(item.migration, migration)) {
            Some(item) => RowState::Pending { phases: item.phases },
            None if migration.originals().all(|m| self.is_done(m)) => RowState::Applied,
            None => RowState::Missing,
        };
        let record = if state == RowState::Applied { self.record(last) } else { None };
        Row { migration: Some(migration), record, state }
    }

    fn is_pending(&self, migration: &Migration) -> bool {
        self.pending.iter().any(|item| std::ptr::eq(item.migration, migration))
    }

    fn is_done(&self, migration: &Migration) -> bool {
        self.standing.done.iter().any(|done| std::ptr::eq(*done, migration))
    }

    /// The newest migration that the database has, by version and name.
    pub fn position(&self, history: &History) -> Option<String> {
        let newest = self.standing.newer.last().map(Record::tag);
        newest.or_else(|| self.standing.done.last().map(|migration| tag_at(history, migration.idx)))
    }
}

/// What a database is called that has run all up to a number: by what stands in the folder itself, where that is a squash.
pub fn tag_at(history: &History, idx: u32) -> String {
    let mut known = history.migrations.iter().chain(history.originals());
    known.find(|migration| migration.idx == idx).map(Migration::tag).unwrap_or_default()
}

/// A migration in the folder, or one that the database has run.
pub struct Row<'o> {
    /// As it stands in the folder.
    pub migration: Option<&'o Migration>,
    /// As the database has it.
    pub record: Option<&'o Record>,
    /// How the two stand to each other.
    pub state: RowState,
}

/// How a migration stands to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// It has run.
    Applied,
    /// It has not run.
    Pending {
        /// How many of its phases are done.
        phases: u32,
    },
    /// It has run, and is newer than all in the folder.
    Newer,
    /// It has run, and is not in the folder any more.
    Missing,
}

impl Row<'_> {
    /// Its number.
    pub fn idx(&self) -> u32 {
        self.migration.map(|m| m.idx).or(self.record.map(|r| r.idx)).unwrap_or_default()
    }

    /// Its version.
    pub fn version(&self) -> &str {
        self.migration.map(|m| &*m.version).or(self.record.map(|r| &*r.version)).unwrap_or_default()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.migration.map(|m| &*m.name).or(self.record.map(|r| &*r.name)).unwrap_or_default()
    }

    /// Version and name.
    pub fn tag(&self) -> String {
        whimbrel::history::tag(self.version(), self.name())
    }
}

/// What the folder and the database say, each thing once: as the database has it, where that is as bad.
fn told_once(folder: &[Problem], database: Vec<Problem>) -> Vec<Problem> {
    let is_same = |of_folder: &Problem, of_database: &Problem| {
        let codes = (of_folder.code, of_database.code);
        let is_more = matches!(
            codes,
            (Code::MigrationStale, Code::MigrationEdited) | (Code::MigrationMissing, Code::DatabaseNewer)
        );
        of_folder.idx == of_database.idx && (codes.0 == codes.1 || is_more)
    };
    // What is only stale in the folder has run; and what the folder misses is not newer.
    let goes = |of_folder: &Problem, of_database: &Problem| {
        is_same(of_folder, of_database)
            && of_database.code != Code::DatabaseNewer
            && (of_database.blocks || !of_folder.blocks)
    };
    let (mut all, mut kept) = (folder.to_vec(), database);
    // Of two with one number, the one that has run is not the one that moved.
    let twice = |idx| folder.iter().any(|problem| problem.code == Code::MigrationDuplicate && problem.idx == idx);
    kept.retain(|problem| problem.code != Code::MigrationMoved || !twice(problem.idx));
    all.retain(|of_folder| !kept.iter().any(|of_database| goes(of_folder, of_database)));
    kept.retain(|of_database| !all.iter().any(|of_folder| is_same(of_folder, of_database)));
    all.append(&mut kept);
    all
}

fn from_error(error: &Error, name: &str) -> Problem {
    let report = error.report();
    let name = report.migration.as_deref().or(report.object.as_deref()).unwrap_or(name);
    let problem = Problem::new(error.code(), None, name, &report.message);
    report.help.iter().fold(problem, |problem, help| problem.help(help))
}

fn not_tracked(name: &str, has_other: bool) -> Problem {
    let message = match has_other {
        true => format!("{name} has another tool's record of migrations, and none of Whimbrel's"),
        false => format!("{name} has tables, and no record of which migrations made them"),
    };
    Problem::new(Code::NotTracked, None, name, message)
        .help("adopt it with `whimbrel migrate baseline`; an app does it with `Migrator::adopt`")
}

fn newer(record: &Record) -> Problem {
    let tag = record.tag();
    let message = format!("the database is newer: it has run {tag}, which is not among the migrations");
    Problem::new(Code::DatabaseNewer, Some(record.idx), tag, message)
        .help("look for a newer version of the migrations; the database is left as it is")
}

/// Apps that have given up. A person who runs migrations by hand is not kept from it.
fn held(tracking: &Tracking, history: &History) -> Option<Problem> {
    let state = tracking.state.as_ref()?;
    let is_held = state.attempts >= run::ATTEMPTS && state.attempted == history.head.to_string();
    is_held.then(|| {
        let message = format!("{} starts in a row have failed with these migrations: apps try nothing more", state.attempts);
        let newest = history.migrations.last();
        Problem::new(Code::Held, newest.map(|m| m.idx), newest.map(Migration::tag).unwrap_or_default(), message)
            .help("`whimbrel migrate apply` tries again, and says what fails")
            .harmless()
    })
}

/// What differs from the schema that the migrations have made. SQLite counts every change of a schema, so that most of
/// the time there is nothing to look for.
fn drift(
    project: &Project,
    connection: &Connection,
    tracking: &Tracking,
    standing: &Standing<'_>,
    how: &Compare,
) -> Result<Vec<Problem>, Failure> {
    let Some(state) = &tracking.state else { return Ok(Vec::new()) };
    let is_between = tracking.records.iter().any(|record| record.state != RecordState::Done);
    if is_between || state.strategy != run::VERSIONED {
        return Ok(Vec::new());
    }
    if state.cookie == tracking.header.cookie && !how.always_look {
        return Ok(Vec::new());
    }
    let done = History::new(standing.done.iter().map(|m| (*m).clone()).collect(), None);
    let scratch = database::in_memory()?;
    let expected = match block_on(run::replay(&mut Sqlite::new(&scratch), &done)) {
        Ok(replayed) => replayed.schema,
        // What a migration needs of its app is not here; the app looks for itself.
        Err(e) => return Ok(vec![from_error(&e, "").help("so the schema was not compared").harmless()]),
    };
    let live = block_on(run::read_live(&mut Sqlite::new(connection)))?.schema;
    let is_ignored = |name: &str| {
        adopt::is_bookkeeping(name) || project.ignore.iter().any(|pattern| run::matches_pattern(pattern, name))
    };
    let difference = run::differences(&live.without(is_ignored), &expected.without(is_ignored))?;
    let mut problems = Vec::new();
    for wrong in &difference.wrong {
        let object = wrong.split(" is ").next().unwrap_or_default();
        let message = format!("the schema was changed behind the migrations' back: {wrong}");
        let problem = Problem::new(Code::Drift, None, object, message)
            .help("put it back, or write a migration that expects it; --accept-drift takes the schema as it is");
        problems.push(if how.accept_drift { problem.harmless() } else { problem });
    }
    for extra in &difference.extra {
        let message = format!("{extra} is in the database, and no migration makes it");
        problems.push(Problem::new(Code::Drift, None, extra, message).harmless());
    }
    Ok(problems)
}

/// The bytes of a migration's scripts as they stand in the folder.
pub fn script_of(project: &Project, migration: &Migration, is_down: bool) -> Result<Option<String>, Failure> {
    let read = |path: &str| -> Result<String, Failure> {
        // The folder was read, so this is UTF-8.
        Ok(String::from_utf8_lossy(&project.files.read(path)?).into_owned())
    };
    if !is_down {
        return read(&migration.path).map(Some);
    }
    let Some(down) = &migration.down else { return Ok(None) };
    match down_path(&migration.path, &project.files.list()?) {
        Some(path) => read(&path).map(Some),
        // Both ways stand in one file.
        None => Ok(Some(down.clone().into_owned())),
    }
}

/// The file of a migration's way back.
pub fn down_path(up: &str, paths: &[String]) -> Option<String> {
    let stem = up.strip_suffix(".sql").unwrap_or(up);
    let candidates = match stem.strip_suffix("/up") {
        Some(folder) => vec![format!("{folder}/down.sql")],
        None => vec![format!("{}.down.sql", stem.strip_suffix(".up").unwrap_or(stem))],
    };
    candidates.into_iter().find(|path| paths.contains(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_beside_the_way_there() {
        let paths: Vec<String> = ["1_a.down.sql", "2_b.down.sql", "3_c/down.sql"].map(str::to_owned).into();
        assert_eq!(down_path("1_a.sql", &paths).as_deref(), Some("1_a.down.sql"));
        assert_eq!(down_path("2_b.up.sql", &paths).as_deref(), Some("2_b.down.sql"));
        assert_eq!(down_path("3_c/up.sql", &paths).as_deref(), Some("3_c/down.sql"));
        assert_eq!(down_path("4_d.sql", &paths), None);
    }

    #[test]
    fn dialects() {
        let check = |dialect: &str| check_dialect(dialect, Failure::usage).map_err(|f| f.problems[0].message.clone());
        assert_eq!(check("sqlite"), Ok(()));
        assert_eq!(check("SQLite"), Ok(()));
        assert!(check("postgres").is_err_and(|m| m.contains("PostgreSQL")));
        assert!(check("mysql").is_err_and(|m| m.contains("mysql")));
    }
}
