//! Folders of migrations, Whimbrel's own and those of other tools, which are read where they are.
//!
//! Each tool's rules stand in a file of their own; all give the same [`Found`] migrations. What follows is the same for
//! all: number them, compare them with the journal, and find the newest snapshot.

mod diesel;
mod drizzle;
mod folders;
mod goose;
mod own;
mod refinery;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use super::checksum::clean;
use super::journal::{Entry, Journal};
use super::{Checksum, Files, History, Migration, Problem, same_version};
use crate::error::{Code, Error, Result};

/// Whose folder it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// Whimbrel's own: `0003_add-users.sql`, `meta/_journal.json`.
    #[default]
    Whimbrel,
    /// Numbered SQL files without a journal: `001_start.sql`, `2-next.sql`.
    Plain,
    /// sqlx: `20240131120000_start.sql`, or `….up.sql` and `….down.sql`.
    Sqlx,
    /// refinery: `V1__start.sql`.
    Refinery,
    /// diesel: `2024-01-31-120000_start/up.sql` and `down.sql`.
    Diesel,
    /// Drizzle: `0000_start.sql` and `meta/_journal.json` of its own.
    Drizzle,
    /// goose: `00001_start.sql` with `-- +goose Up` and `-- +goose Down`.
    Goose,
    /// Prisma, and Drizzle from version 1 on: `20240131120000_start/migration.sql`.
    Folders,
}

impl Layout {
    /// The folder of journal and snapshots. Other tools' own files stay as they are, and a name with a dot in front is
    /// one that all of them pass over.
    pub fn meta(self) -> &'static str {
        match self {
            Layout::Whimbrel | Layout::Plain => "meta",
            _ => ".whimbrel",
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
            Layout::Folders => "prisma or drizzle",
        })
    }
}

/// A folder of migrations as it was read.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// Whose it is.
    pub layout: Layout,
    /// Its migrations.
    pub history: History,
    /// The journal, where there is one of Whimbrel's.
    pub journal: Option<Journal>,
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
        let paths = files.list()?;
        let layout = detect(files, &paths)?;
        let mut problems = Vec::new();
        let found = match layout {
            Layout::Whimbrel | Layout::Plain | Layout::Sqlx => own::read(files, &paths, &mut problems)?,
            Layout::Refinery => refinery::read(files, &paths)?,
            Layout::Diesel => diesel::read(files, &paths, &mut problems)?,
            Layout::Drizzle => drizzle::read(files, &mut problems)?,
            Layout::Goose => goose::read(files, &paths, &mut problems)?,
            Layout::Folders => folders::read(files, &paths)?,
        };
        let journal = match layout.journal() {
            path if paths.contains(&path) => Some(Journal::read(&path, &text(files, &path)?)?),
            _ => None,
        };
        let mut migrations: Vec<Migration> = found.into_iter().map(Found::migration).collect::<Result<_>>()?;
        migrations.sort_by_key(|m| version_key(&m.version));
        number(layout, &mut migrations);
        find_duplicates(&migrations, &mut problems);
        if let Some(journal) = &journal {
            migrations = reconcile(layout, migrations, journal, files, &paths, &mut problems)?;
        }
        let mut history = History::new(migrations, None);
        if let Some(newest) = history.migrations.last().filter(|_| problems.is_empty()) {
            let path = layout.snapshot(&newest.version);
            if paths.contains(&path) {
                history.snapshot = Some(Cow::Owned(text(files, &path)?));
            }
        }
        Ok(Folder { layout, history, journal, problems })
    }

    /// What keeps everything from running, if something does.
    pub fn blocker(&self) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.blocks)
    }
}

fn detect(files: &dyn Files, paths: &[String]) -> Result<Layout> {
    let journal = "meta/_journal.json".to_owned();
    if paths.contains(&journal) {
        // Drizzle's journal has the same name, and a tag in each entry where ours has a name.
        return Ok(if drizzle::is_journal(&text(files, &journal)?) { Layout::Drizzle } else { Layout::Whimbrel });
    }
    let any = |test: &dyn Fn(&str) -> bool| paths.iter().any(|path| test(path));
    let top: Vec<&String> = paths.iter().filter(|path| !path.contains('/') && has_extension(path, "sql")).collect();
    if any(&|path| path.split('/').count() == 2 && path.ends_with("/up.sql")) {
        return Ok(Layout::Diesel);
    }
    if any(&|path| path.split('/').count() == 2 && path.ends_with("/migration.sql")) {
        return Ok(Layout::Folders);
    }
    if any(&|path| refinery::is_name(path)) {
        return Ok(Layout::Refinery);
    }
    for path in &top {
        if goose::is_script(&text(files, path)?) {
            return Ok(Layout::Goose);
        }
    }
    let is_sqlx = |path: &&String| own::parse(path).is_some_and(|(version, _)| version.len() == 14);
    Ok(if top.iter().any(is_sqlx) { Layout::Sqlx } else { Layout::Plain })
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

    fn migration(self) -> Result<Migration> {
        let checksum = Checksum::of_script(&self.up).map_err(|_| {
            // The reader of scripts says the same with its place.
            match super::script::Script::read(&self.path, &self.up, true) {
                Err(e) => e,
                Ok(_) => Error::new(Code::MigrationScript, format!("{} cannot be read", self.path)),
            }
        })?;
        Ok(Migration {
            idx: 0,
            version: self.version.into(),
            name: self.name.into(),
            path: self.path.into(),
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

/// A version as it is sorted: by its number, whatever its length.
fn version_key(version: &str) -> (usize, String) {
    let digits: String = version.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0').to_owned();
    (digits.len(), digits)
}

/// The highest number that the stamp in `user_version` can hold.
const HIGHEST: u32 = (1 << 14) - 1;

/// Gives migrations their numbers: those in the names where they are small and start above 0, else their places.
fn number(layout: Layout, migrations: &mut [Migration]) {
    let numbers: Option<Vec<u32>> = migrations.iter().map(|m| m.version.parse().ok()).collect();
    let numbers =
        numbers.filter(|numbers| layout == Layout::Whimbrel || numbers.iter().all(|n| (1..=HIGHEST).contains(n)));
    for (n, migration) in migrations.iter_mut().enumerate() {
        migration.idx = numbers.as_ref().map_or(n as u32 + 1, |numbers| numbers[n]);
    }
}

fn find_duplicates(migrations: &[Migration], problems: &mut Vec<Problem>) {
    for pair in migrations.windows(2).filter(|pair| same_version(&pair[0].version, &pair[1].version)) {
        let (first, second) = (pair[0].tag(), pair[1].tag());
        let message = format!("{first} and {second} have one number");
        problems.push(
            Problem::new(Code::MigrationDuplicate, Some(pair[1].idx), second, message)
                .help("`whimbrel migrate rebase` gives the later one the next free number"),
        );
    }
}

/// Puts the files beside the journal: the journal says which migrations exist and in which order.
fn reconcile(
    layout: Layout,
    mut migrations: Vec<Migration>,
    journal: &Journal,
    files: &dyn Files,
    paths: &[String],
    problems: &mut Vec<Problem>,
) -> Result<Vec<Migration>> {
    let name = layout.journal();
    let is_named = |m: &Migration, entry: &Entry| same_version(&m.version, &entry.version) && m.name == entry.name;
    let mut squashed = squashed(layout, files, paths)?;
    let places: HashMap<String, usize> = migrations.iter().enumerate().map(|(n, m)| (m.tag(), n)).collect();
    let mut taken: HashSet<usize> = HashSet::new();
    let mut gone = Vec::new();
    for entry in &journal.entries {
        let place = places.get(&entry.tag()).copied();
        let Some(place) = place.or_else(|| migrations.iter().position(|m| is_named(m, entry))) else {
            gone.push(entry);
            continue;
        };
        taken.insert(place);
        let migration = &mut migrations[place];
        migration.seeds = entry.seeds;
        if entry.checksum() != Some(migration.checksum) {
            problems.push(stale(migration));
        }
        let originals = entry.squashes.iter().map(|original| take_original(&mut squashed, original));
        migration.replaces = originals.collect::<Vec<_>>().into();
    }
    for entry in gone {
        let same = |(n, m): &(usize, &Migration)| !taken.contains(n) && Some(m.checksum) == entry.checksum();
        match migrations.iter().enumerate().find(same) {
            Some((place, migration)) => {
                taken.insert(place);
                let (then, now) = (entry.tag(), migration.tag());
                problems.push(
                    Problem::new(
                        Code::MigrationRenamed,
                        Some(entry.idx),
                        &now,
                        format!("{then} is called {now} now, and {name} does not know it"),
                    )
                    .help("give the file its name back, or take the new one over with `whimbrel migrate repair`"),
                );
            }
            None => problems.push(
                Problem::new(
                    Code::MigrationMissing,
                    Some(entry.idx),
                    entry.tag(),
                    format!("{} stands in {name}, and its file is gone", entry.tag()),
                )
                .help("put the file back; the newest migration is taken out with `whimbrel migrate drop --last`"),
            ),
        }
    }
    for (n, migration) in migrations.iter().enumerate().filter(|(n, _)| !taken.contains(n)) {
        let _ = n;
        problems.push(
            Problem::new(
                Code::MigrationUnlisted,
                Some(migration.idx),
                migration.tag(),
                format!("{} does not stand in {name}", migration.path),
            )
            .help("take it over with `whimbrel migrate repair`, or remove it"),
        );
    }
    let order: Vec<_> = journal.entries.iter().map(|entry| version_key(&entry.version)).collect();
    if let Some(n) = order.windows(2).position(|pair| pair[0] > pair[1]) {
        let (first, second) = (journal.entries[n].tag(), journal.entries[n + 1].tag());
        problems.push(
            Problem::new(
                Code::MigrationMoved,
                Some(journal.entries[n + 1].idx),
                &second,
                format!("{second} stands behind {first} in {name}, against the order of their numbers"),
            )
            .help("`whimbrel migrate repair` puts the journal in the order of the numbers"),
        );
    }
    for pair in journal.entries.windows(2).filter(|pair| pair[0].idx == pair[1].idx) {
        let (first, second) = (pair[0].tag(), pair[1].tag());
        if !problems.iter().any(|p| p.code == Code::MigrationDuplicate && p.idx == Some(pair[1].idx)) {
            let message = format!("{first} and {second} have one number in {name}");
            problems.push(
                Problem::new(Code::MigrationDuplicate, Some(pair[1].idx), second, message)
                    .help("`whimbrel migrate rebase` gives the later one the next free number"),
            );
        }
    }
    Ok(migrations)
}

fn stale(migration: &Migration) -> Problem {
    let message = format!("{} was edited after it was made: journal and snapshot are of the old text", migration.path);
    Problem::new(Code::MigrationStale, Some(migration.idx), migration.tag(), message)
        .help("take the new text over with `whimbrel migrate repair`, before it is released")
        .harmless()
}

/// The scripts of squashed migrations, which lie in a folder of their own.
fn squashed(layout: Layout, files: &dyn Files, paths: &[String]) -> Result<Vec<Migration>> {
    let folder = match layout {
        Layout::Whimbrel | Layout::Plain => "squashed/",
        _ => ".whimbrel/squashed/",
    };
    let inside: Vec<String> = paths.iter().filter_map(|p| p.strip_prefix(folder)).map(str::to_owned).collect();
    let mut problems = Vec::new();
    let found = own::read(&Inside { files, folder }, &inside, &mut problems)?;
    let moved = found.into_iter().map(|found| Found { path: format!("{folder}{}", found.path), ..found });
    moved.map(Found::migration).collect()
}

/// The files of a folder inside the folder.
struct Inside<'f> {
    files: &'f dyn Files,
    folder: &'static str,
}

impl Files for Inside<'_> {
    fn list(&self) -> Result<Vec<String>> {
        Ok(self.files.list()?.iter().filter_map(|p| p.strip_prefix(self.folder)).map(str::to_owned).collect())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        self.files.read(&format!("{}{path}", self.folder))
    }

    fn write(&mut self, path: &str, _: &[u8]) -> Result<()> {
        Err(Error::new(Code::MigrationFiles, format!("{path} cannot be written here")))
    }

    fn remove(&mut self, path: &str) -> Result<()> {
        Err(Error::new(Code::MigrationFiles, format!("{path} cannot be removed here")))
    }
}

/// The migration that was squashed; where its file is gone, or is another one, all that is left is what the journal
/// says of it.
fn take_original(squashed: &mut [Migration], entry: &Entry) -> Migration {
    let checksum = entry.checksum().unwrap_or_default();
    let found = squashed.iter_mut().find(|m| same_version(&m.version, &entry.version) && m.checksum == checksum);
    let mut migration = found.map(std::mem::take).unwrap_or_else(|| Migration {
        version: entry.version.clone().into(),
        name: entry.name.clone().into(),
        checksum,
        hash: entry.hash.as_deref().and_then(|h| h.parse().ok()).unwrap_or_default(),
        transaction: true,
        ..Migration::default()
    });
    migration.idx = entry.idx;
    migration
}
