//! Folders of migrations, Whimbrel's own and those of other tools, which are read where they are.
//!
//! Each tool's rules stand in a file of their own; all give the same migrations, in the order in which that
//! tool runs them. What follows is the same for all: number them, compare them with the journal, and find the newest
//! snapshot.
//!
//! **Invariant:** whatever files are called and hold, reading gives migrations, problems or an error; and a file that a
//! tool would run is never left out without a word.

mod diesel;
mod drizzle;
mod folders;
mod own;
mod reconcile;
mod refinery;
mod sections;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use super::checksum::clean;
use super::journal::Journal;
use super::statements::split;
use super::{Checksum, Files, History, Migration, Problem, Snapshot, check_path};
use crate::dialect::Dialect;
use crate::error::{Code, Error, Result};

/// Whose folder it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// Whimbrel's own: `0003_add-users.sql`, `meta/_journal.json`.
    #[default]
    Whimbrel,
    /// Numbered SQL files without a journal: `001_start.sql`, `2-next.sql`, `000001_start.up.sql` of golang-migrate.
    Plain,
    /// sqlx: `20240131120000_start.sql`, or `….up.sql` and `….down.sql`.
    Sqlx,
    /// refinery: `V1__start.sql`.
    Refinery,
    /// diesel: `2024-01-31-120000_start/up.sql` and `down.sql`; rusqlite_migration: `1-start/up.sql`.
    Diesel,
    /// Drizzle: `0000_start.sql` and `meta/_journal.json` of its own.
    Drizzle,
    /// goose: `00001_start.sql` with `-- +goose Up` and `-- +goose Down`.
    Goose,
    /// dbmate and sql-migrate: both ways in one file, as with goose, cut by other words.
    Sections,
    /// Prisma, and Drizzle from version 1 on: `20240131120000_start/migration.sql`.
    Folders,
}

/// The folder of journal and snapshots beside another tool's files.
const BESIDE: &str = ".whimbrel";

impl Layout {
    /// The folder of journal and snapshots. Other tools' own files stay as they are, and a name with a dot in front is
    /// one that all of them pass over.
    pub fn meta(self) -> &'static str {
        match self {
            Layout::Whimbrel | Layout::Plain => "meta",
            _ => BESIDE,
        }
    }

    /// The path of the journal.
    pub fn journal(self) -> String {
        format!("{}/_journal.json", self.meta())
    }

    /// The path of a migration's snapshot.
    pub fn snapshot(self, version: &str) -> String {
        format!("{}/{version}_snapshot.json", self.meta())
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::Whimbrel => "whimbrel",
            Layout::Plain => "plain SQL files",
            Layout::Sqlx => "sqlx",
            Layout::Refinery => "refinery",
            Layout::Diesel => "diesel",
            Layout::Drizzle => "drizzle",
            Layout::Goose => "goose",
            Layout::Sections => "dbmate or sql-migrate",
            Layout::Folders => "prisma or drizzle",
        })
    }
}

/// A folder of migrations as it was read.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// Whose it is.
    pub layout: Layout,
    /// The database that its scripts are written for.
    pub dialect: Dialect,
    /// Its migrations.
    pub history: History,
    /// The journal, where there is one of Whimbrel's.
    pub journal: Option<Journal>,
    /// The text of the snapshot that belongs to the newest migration, where there is one: JSON, with the stable ids.
    pub snapshot: Option<String>,
    /// What does not fit together in it.
    pub problems: Vec<Problem>,
}

/// A migration as a layout finds it.
#[derive(Debug, Clone, Default)]
struct Found {
    version: String,
    name: String,
    path: String,
    up: String,
    down: Option<String>,
    hash: Checksum,
    transaction: bool,
}

impl Folder {
    /// Reads a folder. An empty one is an empty history.
    ///
    /// ```
    /// use whimbrel_core::history::{Files, Folder, Layout, MemoryFiles};
    /// let mut files = MemoryFiles::default();
    /// files.write("V1__start.sql", b"CREATE TABLE notes(body TEXT);")?;
    /// files.write("V2__more.sql", b"ALTER TABLE notes ADD COLUMN at INTEGER;")?;
    /// let folder = Folder::read(&files)?;
    /// assert_eq!(folder.layout, Layout::Refinery);
    /// assert_eq!(folder.history.newest(), 2);
    /// # Ok::<(), whimbrel_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Where a file cannot be read, or the journal cannot. What merely does not fit together is in
    /// [`Folder::problems`].
    pub fn read(files: &dyn Files) -> Result<Folder> {
        let mut problems = Vec::new();
        let paths = usable(files.list()?, &mut problems);
        let layout = detect(files, &paths)?;
        let theirs: Vec<String> = paths.iter().filter(|path| !is_inside(path, BESIDE)).cloned().collect();
        let journal = match layout.journal() {
            path if paths.contains(&path) => Some(Journal::read(&path, &text(files, &path)?)?),
            _ => None,
        };
        let dialect = dialect(files, layout, &theirs, journal.as_ref())?;
        let found = match layout {
            Layout::Whimbrel | Layout::Plain | Layout::Sqlx => own::read(files, &theirs, &mut problems)?,
            Layout::Refinery => refinery::read(files, &theirs, &mut problems)?,
            Layout::Diesel => diesel::read(files, dialect, &theirs, &mut problems)?,
            Layout::Drizzle => drizzle::read(files, &theirs, &mut problems)?,
            Layout::Goose | Layout::Sections => sections::read(files, dialect, &theirs, &mut problems)?,
            Layout::Folders => folders::read(files, dialect, &theirs, &mut problems)?,
        };
        let migrations = found.into_iter().map(|found| found.migration(dialect));
        let mut migrations: Vec<Migration> = migrations.collect::<Result<_>>()?;
        if layout == Layout::Plain && migrations.is_empty() && journal.is_none() {
            problems.extend(lie_below(dialect, &theirs));
        }
        number(&mut migrations);
        find_duplicates(layout, &migrations, journal.as_ref(), &mut problems);
        if let Some(journal) = &journal {
            reconcile::reconcile(layout, &mut migrations, journal, files, &paths, &mut problems)?;
        }
        let mut history = History::new(migrations, None);
        // What is of an older text, or of a folder in disorder, would make another schema than the migrations do.
        let is_in_order = !problems.iter().any(|p| p.blocks || p.code == Code::MigrationStale);
        let mut snapshot = None;
        if let Some(newest) = history.migrations.last().filter(|_| is_in_order) {
            let path = layout.snapshot(&newest.version);
            if paths.contains(&path) {
                let json = text(files, &path)?;
                match Snapshot::read(dialect, &json) {
                    Ok(read) => history.snapshot = Some(read),
                    Err(e) => problems.push(unreadable(newest, &path, &e)),
                }
                snapshot = Some(json);
            }
        }
        Ok(Folder { layout, dialect, history, journal, snapshot, problems })
    }

    /// What keeps everything from running, if something does.
    pub fn blocker(&self) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.blocks)
    }
}

fn unreadable(newest: &Migration, path: &str, why: &Error) -> Problem {
    let message = format!("{path} cannot be read: {}", why.report().message);
    Problem::new(Code::Snapshot, Some(newest.idx), newest.tag(), message)
        .help("`whimbrel migrate repair` writes it anew, from the migrations")
        .help("where a newer version of whimbrel has written it, use that one")
}

/// The paths that may be read, in order. Hidden files are passed over; a script under a name that leads out of the
/// folder, or that some system cannot hold, is a problem.
fn usable(mut listed: Vec<String>, problems: &mut Vec<Problem>) -> Vec<String> {
    listed.sort_unstable();
    listed.retain(|path| {
        let is_hidden = |part: &str| part.starts_with('.') && !matches!(part, "." | ".." | BESIDE);
        if path.split('/').any(is_hidden) {
            return false;
        }
        // Windows cuts such an end off, and what is left is a script.
        let ends_as = path.trim_end_matches(|c: char| c == '.' || c == ' ' || c.is_control());
        match check_path(path) {
            Ok(()) => true,
            Err(error) if has_extension(ends_as, "sql") => {
                problems.push(refused(path, &error));
                false
            }
            Err(_) => false,
        }
    });
    listed
}

/// A name that must not be used, as a problem.
fn refused(name: &str, error: &Error) -> Problem {
    let report = error.report();
    let problem = Problem::new(error.code(), None, shown(name), &report.message);
    report.help.iter().fold(problem, Problem::help)
}

/// A name that somebody else gave, fit to be printed.
fn shown(name: &str) -> String {
    let escaped = |c: char| match c.is_control() {
        true => c.escape_default().collect::<String>(),
        false => c.to_string(),
    };
    let shown: String = name.chars().take(80).map(escaped).collect();
    if name.chars().nth(80).is_some() { shown + "…" } else { shown }
}

/// What the journal says, or else whoever opened the folder; SQLite where nobody does.
fn dialect(files: &dyn Files, layout: Layout, paths: &[String], journal: Option<&Journal>) -> Result<Dialect> {
    let written = match layout {
        Layout::Drizzle => Some(drizzle::dialect(files)?),
        Layout::Folders => folders::dialect(files, paths)?.or(journal.map(|journal| journal.dialect)),
        _ => journal.map(|journal| journal.dialect),
    };
    match (written, files.dialect()) {
        (Some(written), Some(wanted)) if written != wanted => {
            let message = format!("these are migrations of {}, and {} is wanted", written.title(), wanted.title());
            Err(Error::new(Code::Journal, message).help("name another folder with --dir, or another database"))
        }
        (written, wanted) => Ok(written.or(wanted).unwrap_or_default()),
    }
}

fn detect(files: &dyn Files, paths: &[String]) -> Result<Layout> {
    let journal = "meta/_journal.json".to_owned();
    if paths.contains(&journal) {
        return Ok(if drizzle::is_journal(&text(files, &journal)?) { Layout::Drizzle } else { Layout::Whimbrel });
    }
    let top: Vec<&String> = scripts(paths).collect();
    // Beside numbered files, a folder of any other name is somebody's notes.
    let is_numbered = top.iter().any(|path| own::parse(path).is_some());
    let is_of = |file: &str| {
        let mut inside = paths.iter().filter_map(|path| in_folder(path, file));
        inside.any(|folder| folder != BESIDE && (!is_numbered || folder.starts_with(|c: char| c.is_ascii_digit())))
    };
    if is_of("up.sql") || is_of("down.sql") {
        return Ok(Layout::Diesel);
    }
    if is_of("migration.sql") {
        return Ok(Layout::Folders);
    }
    let is_refinery = |path: &String| refinery::is_name(path) && !is_inside(path, BESIDE);
    if paths.iter().any(|path| is_refinery(path) && (!is_numbered || !path.contains('/'))) {
        return Ok(Layout::Refinery);
    }
    for path in &top {
        if let Some(layout) = sections::layout(&text(files, path)?) {
            return Ok(layout);
        }
    }
    let is_sqlx = |path: &&String| own::parse(path).is_some_and(|(version, _)| version.len() == 14);
    // A journal beside the files was made when they were taken for another tool's, and there is no other one left.
    let is_beside = paths.contains(&Layout::Sqlx.journal());
    Ok(if is_beside || top.iter().any(is_sqlx) { Layout::Sqlx } else { Layout::Plain })
}

/// A folder whose folders hold migrations, most often one for each kind of database, is not the one that was meant.
fn lie_below(dialect: Dialect, paths: &[String]) -> Option<Problem> {
    let is_script = |path: &&String| {
        let file = path.rsplit('/').next().unwrap_or_default();
        own::parse(file).is_some() || matches!(file, "up.sql" | "migration.sql")
    };
    let mut folders: Vec<&str> =
        paths.iter().filter(is_script).filter_map(|path| path.split_once('/')).map(|(folder, _)| folder).collect();
    folders.dedup();
    let (first, others) = folders.split_first()?;
    let more = if others.is_empty() { String::new() } else { format!(", {}", others.join(", ")) };
    let message = format!("there are migrations in {first}{more}, and none in the folder itself");
    let named = folders.iter().find(|folder| folder.to_ascii_lowercase().contains(dialect.as_str()));
    let help = match named.or(others.is_empty().then_some(first)) {
        Some(folder) => format!("name that folder instead: …/{folder}"),
        None => format!("name the folder that holds those for {}", dialect.title()),
    };
    Some(Problem::new(Code::MigrationFiles, None, *named.unwrap_or(first), message).help(help))
}

/// The scripts that lie in the folder itself.
fn scripts(paths: &[String]) -> impl Iterator<Item = &String> {
    paths.iter().filter(|path| !path.contains('/') && has_extension(path, "sql"))
}

/// The folder that a file of this name lies in, where that folder lies in the folder itself.
fn in_folder<'p>(path: &'p str, file: &str) -> Option<&'p str> {
    path.split_once('/').filter(|(_, inside)| *inside == file).map(|(folder, _)| folder)
}

fn is_inside(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// A file's text, as it is kept and run.
fn text(files: &dyn Files, path: &str) -> Result<String> {
    let bytes = files.read(path)?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let line = e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        Error::new(Code::MigrationFiles, format!("{path} is not UTF-8 text: look at line {line}")).object(path)
    })?;
    match text.contains('\0') {
        true => Err(Error::new(Code::MigrationFiles, format!("{path} holds a NUL character")).object(path)),
        false => Ok(clean(&text)),
    }
}

fn has_extension(path: &str, wanted: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(stem, extension)| !stem.is_empty() && extension.eq_ignore_ascii_case(wanted))
}

/// The path without its end, whose case does not count.
fn without_end<'p>(path: &'p str, end: &str) -> Option<&'p str> {
    let (stem, found) = path.split_at_checked(path.len().checked_sub(end.len())?)?;
    found.eq_ignore_ascii_case(end).then_some(stem)
}

/// Whether a script holds a statement. One that cannot be read holds something.
fn has_statements(dialect: Dialect, script: &str) -> bool {
    split(dialect, script).map_or(true, |statements| !statements.is_empty())
}

impl Found {
    /// Reads a script that is a file of its own.
    fn read(files: &dyn Files, path: &str, down: Option<&str>, version: String, name: String) -> Result<Found> {
        Ok(Found {
            version,
            name,
            path: path.to_owned(),
            up: text(files, path)?,
            down: down.map(|path| text(files, path)).transpose()?,
            hash: Checksum::of_bytes(&files.read(path)?),
            transaction: true,
        })
    }

    fn migration(self, dialect: Dialect) -> Result<Migration> {
        let checksum = Checksum::of_script(dialect, &self.up).map_err(|_| {
            // The reader of scripts says the same with its place.
            match super::script::Script::read(&self.path, dialect, &self.up, true) {
                Err(e) => e,
                Ok(_) => Error::new(Code::MigrationScript, format!("{} cannot be read", self.path)),
            }
        })?;
        Ok(Migration {
            idx: 0,
            version: self.version.into(),
            name: self.name.into(),
            path: self.path.into(),
            dialect,
            up: self.up.into(),
            down: self.down.map(Cow::Owned),
            checksum,
            hash: self.hash,
            transaction: self.transaction,
            seeds: false,
            replaces: Cow::Borrowed(&[]),
        })
    }
}

/// Version and name of a migration whose tool knows it by the whole name.
fn split_tag(tag: &str) -> (String, String) {
    let is_number = |version: &str| {
        let mut bytes = version.bytes();
        bytes.next().is_some_and(|b| b.is_ascii_digit()) && bytes.all(|b| b.is_ascii_digit() || b == b'-')
    };
    match tag.split_once('_') {
        Some((version, name)) if is_number(version) => (version.to_owned(), name.to_owned()),
        _ => (tag.to_owned(), String::new()),
    }
}

/// Gives the later of two migrations with one number the whole name as its version. Their tools allow it: they know a
/// migration by the whole name, and two made in the same second, or on two branches, are nothing special there.
fn tell_apart(found: &mut [Found]) {
    let mut seen = HashSet::new();
    for found in found {
        if !seen.insert(normal(&found.version)) {
            found.version = super::tag(&found.version, &found.name);
            found.name.clear();
            seen.insert(normal(&found.version));
        }
    }
}

/// A version as it is compared: as [`same_version`](super::same_version) does.
fn normal(version: &str) -> String {
    match version.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        true => version.replace('-', "").trim_start_matches('0').to_owned(),
        false => version.to_owned(),
    }
}

/// Sorts by number, whatever its length.
fn sort_by_number(found: &mut [Found]) {
    found.sort_by_cached_key(|found| {
        let digits = normal(&found.version);
        (digits.len(), digits)
    });
}

/// The highest number that the stamp in `user_version` can hold.
const HIGHEST: u32 = (1 << 14) - 1;

/// Gives migrations their numbers: the one in the name where it is small and fits behind the one before, else the next
/// one. So a migration that is added at the end never changes the number of another.
fn number(migrations: &mut [Migration]) {
    let mut before = 0;
    let mut version = None;
    for migration in migrations {
        let this = normal(&migration.version);
        if version.as_ref() != Some(&this) {
            let named = migration.version.parse().ok().filter(|n| (before + 1..=HIGHEST).contains(n));
            before = named.unwrap_or(before + 1);
        }
        migration.idx = before;
        version = Some(this);
    }
}

fn find_duplicates(layout: Layout, migrations: &[Migration], journal: Option<&Journal>, problems: &mut Vec<Problem>) {
    let is_listed = |m: &Migration| journal.is_some_and(|j| j.entries.iter().any(|entry| entry.tag() == m.tag()));
    let mut versions: HashMap<String, &Migration> = HashMap::new();
    let mut paths: HashMap<String, &Migration> = HashMap::new();
    for migration in migrations {
        let twin = paths.insert(migration.path.to_lowercase(), migration);
        let same = versions.get(&normal(&migration.version)).copied();
        let Some(other) = twin.or(same) else {
            versions.insert(normal(&migration.version), migration);
            continue;
        };
        // The one that the journal does not know came later.
        let (first, second) = match is_listed(migration) && !is_listed(other) {
            true => (migration, other),
            false => (other, migration),
        };
        let problem = |message| Problem::new(Code::MigrationDuplicate, Some(second.idx), second.tag(), message);
        problems.push(match twin {
            Some(_) => {
                let message = format!("{} and {} are one file on some systems", first.path, second.path);
                problem(message).help("remove one of them, or give it another number")
            }
            None => problem(format!("{} and {} have one number", first.tag(), second.tag())).help(match layout {
                Layout::Whimbrel | Layout::Plain | Layout::Sqlx => {
                    "`whimbrel migrate rebase` gives the later one the next free number"
                }
                _ => "give the later one the next free number",
            }),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(versions: &[&str]) -> Vec<u32> {
        let migration = |version: &&str| Migration { version: (*version).to_owned().into(), ..Migration::default() };
        let mut migrations: Vec<Migration> = versions.iter().map(migration).collect();
        number(&mut migrations);
        migrations.iter().map(|m| m.idx).collect()
    }

    #[test]
    fn numbers_rise_and_stay() {
        assert_eq!(numbers(&["0001", "0002", "0010"]), [1, 2, 10]);
        assert_eq!(numbers(&["0000", "0001", "0002"]), [1, 2, 3]);
        assert_eq!(numbers(&["20240131120000", "20240215083000"]), [1, 2]);
        assert_eq!(numbers(&["1", "10", "20240215083000"]), [1, 10, 11]);
        assert_eq!(numbers(&["16383", "16384"]), [16383, 16384]);
        assert_eq!(numbers(&["3", "03", "4"]), [3, 3, 4]);
        assert_eq!(numbers(&["init", "99999999999999999999999999"]), [1, 2]);
    }

    #[test]
    fn versions_are_compared_as_same_version_does() {
        let all = ["1", "01", "0", "000", "2024-01-31-120000", "20240131120000", "init", "1a", "0001a", ""];
        for a in all {
            for b in all {
                assert_eq!(normal(a) == normal(b), crate::history::same_version(a, b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn names_of_others_are_fit_to_be_printed() {
        assert_eq!(shown("später"), "später");
        assert_eq!(shown("a\u{1b}[31m\n"), "a\\u{1b}[31m\\n");
        assert_eq!(shown(&"x".repeat(81)), "x".repeat(80) + "…");
    }
}
