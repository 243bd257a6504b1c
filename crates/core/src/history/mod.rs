//! Versioned migrations as values: what an app knows, what a database has run, and how the two compare.
//!
//! A [`History`] is read from [`Files`], or was embedded in the program when it was compiled; both give the same value.
//! Nothing here asks a database: the procedures in [`run`](crate::run) do, and hand over [`Record`]s.
//!
//! **Invariant:** the migrations of a history stand in the order in which they run, and their `idx` rises.
//! **Invariant:** two histories are the same exactly where their [`head`](History::head)s are.

pub mod adopt;
pub mod author;
pub mod checksum;
mod files;
pub mod journal;
pub mod layout;
mod model;
pub mod record;
pub mod script;
mod snapshot;
pub mod stamp;
pub mod standing;
mod statements;

use std::borrow::Cow;

pub use checksum::Checksum;
pub use files::{Files, MemoryFiles, check_path};
pub use layout::{Folder, Layout};
pub use model::{Model, Outcome, snapshot_statements};
pub use record::{Origin, Record, RecordState, State};
pub use snapshot::Snapshot;
pub use standing::{Item, Policy, Problem, Standing};
pub use statements::ScriptError;

use crate::dialect::Dialect;
use crate::error::Result;
use script::Script;
pub(crate) use statements::{Grammar, POSTGRES, SQLITE};

/// One migration.
///
/// All texts may be borrowed from the program itself, so that an embedded history costs nothing until it is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migration {
    /// Its number: the one in the name of the file where that is small and rises, else the next one, from 1.
    pub idx: u32,
    /// Its version as in the name of its file: `0003`, or `20240131120000`. Where a tool asks for no number, it is the
    /// whole name.
    pub version: Cow<'static, str>,
    /// Its name without the version: `add-users`.
    pub name: Cow<'static, str>,
    /// Its file, relative to the folder.
    pub path: Cow<'static, str>,
    /// The database that its scripts are written for.
    pub dialect: Dialect,
    /// The script, with line feeds at the ends of lines.
    pub up: Cow<'static, str>,
    /// The script that undoes it, where there is one.
    pub down: Option<Cow<'static, str>>,
    /// Of the script's canonical text.
    pub checksum: Checksum,
    /// Of the file's exact bytes.
    pub hash: Checksum,
    /// Whether the folder's format lets it run in a transaction. The script itself may say that it must not.
    pub transaction: bool,
    /// Whether the migrations up to this one leave rows in a database that had none: then a new database cannot go
    /// straight to the snapshot.
    pub seeds: bool,
    /// The migrations that this one was squashed from. Databases in between run them; new ones run this. What a
    /// database has run is always recorded by them, so that an app of before the squash still knows the database.
    pub replaces: Cow<'static, [Migration]>,
}

/// The migrations that an app knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The migrations, oldest first.
    pub migrations: Cow<'static, [Migration]>,
    /// The head of the chain over the checksums of the [originals](History::originals): a squash does not change it.
    pub head: Checksum,
    /// The schema after the newest one, where the folder holds a snapshot that belongs to it.
    pub snapshot: Option<Snapshot>,
}

impl Migration {
    /// Version and name: `0003_add-users`.
    pub fn tag(&self) -> String {
        tag(&self.version, &self.name)
    }

    /// What it was squashed from, or the migration itself.
    pub fn originals(&self) -> impl Iterator<Item = &Migration> {
        let own = self.replaces.is_empty().then_some(self);
        self.replaces.iter().chain(own)
    }

    /// The checksum of its first phases: what of it has run in a database that is between two of them. The phases that
    /// are still to come may be corrected.
    pub fn checksum_of_phases(&self, phases: u32) -> Option<Checksum> {
        self.checksum_of_phases_by(Grammar::of(self.dialect), phases)
    }

    pub(crate) fn checksum_of_phases_by(&self, grammar: &'static Grammar, phases: u32) -> Option<Checksum> {
        checksum_of_phases(grammar, &self.script_by(grammar).ok()?, &self.up, phases)
    }

    /// The script, cut up.
    ///
    /// # Errors
    /// As [`Script::read`].
    pub fn script(&self) -> Result<Script> {
        self.script_by(Grammar::of(self.dialect))
    }

    /// The same by a grammar that is named where the program is written: the procedures of a database know theirs.
    pub(crate) fn script_by(&self, grammar: &'static Grammar) -> Result<Script> {
        Script::read_by(grammar, &self.path, &self.up, self.transaction)
    }
}

/// The checksum of the first phases of a script; none where it has not so many.
pub(crate) fn checksum_of_phases(grammar: &Grammar, script: &Script, text: &str, phases: u32) -> Option<Checksum> {
    let done = script.phases.get(..phases as usize)?;
    let texts = done.iter().flat_map(|phase| &phase.statements).filter_map(|range| text.get(range.clone()));
    Checksum::of_script_by(grammar, &texts.collect::<Vec<_>>().join(";\n")).ok()
}

/// Version and name as one word.
pub fn tag(version: &str, name: &str) -> String {
    if name.is_empty() { version.to_owned() } else { format!("{version}_{name}") }
}

impl History {
    /// A history of these migrations, with its head.
    pub fn new(migrations: Vec<Migration>, snapshot: Option<Snapshot>) -> History {
        let mut history = History { migrations: migrations.into(), snapshot, ..Self::default() };
        history.head = Checksum::chain(history.originals().map(|m| &m.checksum));
        history
    }

    /// The migrations as they were made: those that were squashed instead of what they were squashed into.
    pub fn originals(&self) -> impl Iterator<Item = &Migration> {
        self.migrations.iter().flat_map(Migration::originals)
    }

    /// The database that its migrations are written for; SQLite where there is none.
    pub fn dialect(&self) -> Dialect {
        self.migrations.first().map(|m| m.dialect).unwrap_or_default()
    }

    /// The newest migration's number; 0 where there is none.
    pub fn newest(&self) -> u32 {
        self.migrations.last().map_or(0, |m| m.idx)
    }

    /// The snapshot, where these are all the [originals](History::originals): the schema that it holds is then theirs.
    pub(crate) fn snapshot_of(&self, migrations: &[&Migration]) -> Option<&Snapshot> {
        self.snapshot.as_ref().filter(|_| Checksum::chain(migrations.iter().map(|m| &m.checksum)) == self.head)
    }

    /// The history as it was at an older number: without the snapshot, which is of the newest.
    #[must_use]
    pub fn up_to(&self, idx: u32) -> History {
        if idx >= self.newest() {
            return self.clone();
        }
        History::new(self.migrations.iter().filter(|m| m.idx <= idx).cloned().collect(), None)
    }

    /// The migration that a record is of, also where it has another number now.
    pub fn of_record(&self, record: &Record) -> Option<&Migration> {
        let is_same = |m: &&Migration| m.checksum == record.checksum;
        let by_version = self.originals().filter(is_same).find(|m| same_version(&m.version, &record.version));
        by_version.or_else(|| self.originals().find(is_same))
    }

    /// The migration that somebody means by a number, a version, a name or a tag.
    ///
    /// ```
    /// use whimbrel_core::history::{Folder, MemoryFiles, Files};
    /// let mut files = MemoryFiles::default();
    /// files.write("0001_start.sql", b"CREATE TABLE notes(body TEXT);")?;
    /// let history = Folder::read(&files)?.history;
    /// for word in ["1", "0001", "start", "0001_start"] {
    ///     assert_eq!(history.find(word).map(|m| m.idx), Some(1));
    /// }
    /// # Ok::<(), whimbrel_core::Error>(())
    /// ```
    pub fn find(&self, word: &str) -> Option<&Migration> {
        let by = |test: &dyn Fn(&Migration) -> bool| self.migrations.iter().find(|m| test(m));
        by(&|m| m.tag() == word)
            .or_else(|| by(&|m| m.version == word))
            .or_else(|| by(&|m| word.parse() == Ok(m.idx)))
            .or_else(|| by(&|m| same_version(&m.version, word)))
            .or_else(|| by(&|m| m.name == word))
    }
}

/// Whether two versions are one number: `3`, `0003`, and `2024-01-31-120000` is `20240131120000`.
pub fn same_version(a: &str, b: &str) -> bool {
    let digits = |text: &str| {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        digits.trim_start_matches('0').to_owned()
    };
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '-');
    a == b || (is_number(a) && is_number(b) && digits(a) == digits(b))
}
