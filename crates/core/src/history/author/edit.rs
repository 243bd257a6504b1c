//! What is to be written, worked out before it is.

use super::Replay;
use crate::dialect::Dialect;
use crate::error::{Error, Result};
use crate::history::journal::{Entry, Journal};
use crate::history::{Files, Folder, Migration, Model, check_path};

/// A change of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Written, or written over.
    File {
        /// The path in the folder.
        path: String,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// Removed.
    Remove {
        /// The path in the folder.
        path: String,
    },
}

/// A change of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// The changes, in a safe order: new files, then the journal, then removals.
    pub writes: Vec<Write>,
    /// What was done, one sentence each.
    pub messages: Vec<String>,
}

impl Edit {
    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Writes it all.
    ///
    /// # Errors
    /// Where a file cannot be written or removed. What was written before stays, and nothing that is needed is gone: the
    /// same command, run again, finds what is left over and ends it.
    pub fn apply(&self, files: &mut dyn Files) -> Result<()> {
        for write in &self.writes {
            match write {
                Write::File { path, bytes } => files.write(path, bytes)?,
                Write::Remove { path } => files.remove(path)?,
            }
        }
        Ok(())
    }
}

/// A folder as it will be.
pub(super) struct Overlay<'f> {
    files: &'f dyn Files,
    writes: Vec<Write>,
}

impl<'f> Overlay<'f> {
    pub(super) fn new(files: &'f dyn Files) -> Self {
        Overlay { files, writes: Vec::new() }
    }

    /// Renames a file, where it is there.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        if self.exists(from)? && from != to {
            let bytes = self.read(from)?;
            self.write(to, &bytes)?;
            self.remove(from)?;
        }
        Ok(())
    }

    pub(super) fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.list()?.iter().any(|p| p == path))
    }

    /// Removes a file, where it is there.
    pub(super) fn discard(&mut self, path: &str) -> Result<()> {
        if self.exists(path)? { self.remove(path) } else { Ok(()) }
    }

    /// The change, in a safe order, without what changes nothing.
    pub(super) fn edit(self, messages: Vec<String>) -> Result<Edit> {
        let there = self.files.list()?;
        let is_journal = |write: &Write| matches!(write, Write::File { path, .. } if path.ends_with("_journal.json"));
        let mut writes = Vec::new();
        for write in self.writes {
            let is_needed = match &write {
                Write::File { path, bytes } => !there.contains(path) || self.files.read(path)? != *bytes,
                Write::Remove { path } => there.contains(path),
            };
            if is_needed {
                writes.push(write);
            }
        }
        writes.sort_by_key(|write| match write {
            write if is_journal(write) => 1,
            Write::File { .. } => 0,
            Write::Remove { .. } => 2,
        });
        Ok(Edit { writes, messages })
    }
}

impl Files for Overlay<'_> {
    fn list(&self) -> Result<Vec<String>> {
        let mut paths = self.files.list()?;
        for write in &self.writes {
            match write {
                Write::File { path, .. } if !paths.contains(path) => paths.push(path.clone()),
                Write::File { .. } => {}
                Write::Remove { path } => paths.retain(|p| p != path),
            }
        }
        paths.sort();
        Ok(paths)
    }

    fn read(&self, wanted: &str) -> Result<Vec<u8>> {
        for write in self.writes.iter().rev() {
            match write {
                Write::File { path, bytes } if path == wanted => return Ok(bytes.clone()),
                Write::Remove { path } if path == wanted => {
                    return Err(Error::new(crate::Code::MigrationFiles, format!("there is no {wanted}")));
                }
                _ => {}
            }
        }
        self.files.read(wanted)
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        check_path(path)?;
        self.writes
            .retain(|write| !matches!(write, Write::File { path: p, .. } | Write::Remove { path: p } if p == path));
        self.writes.push(Write::File { path: path.to_owned(), bytes: bytes.to_vec() });
        Ok(())
    }

    fn dialect(&self) -> Option<Dialect> {
        self.files.dialect()
    }

    fn remove(&mut self, path: &str) -> Result<()> {
        self.writes
            .retain(|write| !matches!(write, Write::File { path: p, .. } | Write::Remove { path: p } if p == path));
        self.writes.push(Write::Remove { path: path.to_owned() });
        Ok(())
    }
}

/// Writes the journal and the newest snapshot for the files as they are in the overlay. Entries that fit are kept; the
/// others are made anew. `drafted` is the newest schema with its stable ids, where it is known.
pub(super) fn seal(
    overlay: &mut Overlay<'_>,
    journal: Option<&Journal>,
    when: &str,
    drafted: Option<&Model>,
    previous: Option<&Model>,
    replay: &mut Replay<'_>,
) -> Result<Folder> {
    let folder = Folder::read(overlay)?;
    if let Some(problem) = folder.problems.iter().find(|p| is_of_files(p.code)) {
        return Err(problem.error());
    }
    let history = &folder.history;
    let replayed = replay(history)?;
    let Some(newest) = history.migrations.last() else {
        overlay.discard(&folder.layout.journal())?;
        return Folder::read(overlay);
    };
    let mut schema = match drafted {
        Some(drafted) => {
            let difference = replayed.schema.differences(drafted)?;
            if let Some(wrong) = difference.wrong.iter().chain(&difference.extra).next() {
                let message = format!("the migration would not make the declared schema: {wrong}");
                return Err(Error::new(crate::Code::NotVerified, message)
                    .migration(newest.tag())
                    .help("this is a mistake in Whimbrel: please report it with both schemas"));
            }
            drafted.clone()
        }
        None => replayed.schema,
    };
    if let (Model::Sqlite(schema), Some(previous)) = (&mut schema, previous.filter(|_| drafted.is_none()))
        && let Some(previous) = previous.sqlite()
    {
        let renames = super::repair::renames_in(newest, previous);
        schema.adopt_ids(previous, &renames);
        // Whose file it is stands in the header, which no table tells.
        schema.application_id = schema.application_id.or(previous.application_id);
    }
    if let Model::Sqlite(schema) = &mut schema {
        schema.assign_ids();
    }
    let is_old = |migration: &Migration| {
        let entries = journal.iter().flat_map(|journal| &journal.entries);
        entries
            .filter(|e| e.checksum() == Some(migration.checksum) && e.name == migration.name)
            .find(|e| crate::history::same_version(&e.version, &migration.version))
            .cloned()
    };
    let mut entries: Vec<Entry> = Vec::with_capacity(history.migrations.len());
    for migration in history.migrations.iter() {
        let old = is_old(migration);
        let made = old.as_ref().and_then(|old| old.when.clone()).or_else(|| Some(when.to_owned()));
        let mut entry = Entry::of(migration, made);
        if let Some(old) = old.filter(|old| !old.squashes.is_empty()) {
            entry.squashes = old.squashes;
        }
        entries.push(entry);
    }
    if let Some(last) = entries.last_mut() {
        last.seeds = replayed.seeds;
    }
    let path = folder.layout.snapshot(&newest.version);
    overlay.write(&path, schema.to_snapshot().as_bytes())?;
    let journal = Journal::new(folder.dialect, entries);
    let name = match folder.layout {
        crate::history::Layout::Plain => crate::history::Layout::Whimbrel.journal(),
        layout => layout.journal(),
    };
    overlay.write(&name, journal.write().as_bytes())?;
    let folder = Folder::read(overlay)?;
    match folder.problems.first() {
        Some(problem) => Err(problem.error()),
        None => Ok(folder),
    }
}

/// Removes what an edit that was stopped has left over: scripts that lie in `squashed` as well, after the journal says
/// so; and the old number of a script that has a new one already.
pub(super) fn clear_leftovers(overlay: &mut Overlay<'_>, journal: &[Entry]) -> Result<()> {
    let paths = overlay.list()?;
    let squashed = journal.iter().flat_map(|entry| &entry.squashes);
    for tag in squashed.map(Entry::tag) {
        for path in [format!("{tag}.sql"), format!("{tag}.down.sql")] {
            let copy = format!("squashed/{path}");
            let is_moved =
                paths.contains(&path) && paths.contains(&copy) && overlay.read(&path)? == overlay.read(&copy)?;
            if is_moved && !journal.iter().any(|entry| entry.tag() == tag) {
                overlay.discard(&path)?;
            }
        }
    }
    super::rebase::forget_old_numbers(overlay, journal, &[])
}

/// Whether a problem is one of the files themselves, which no journal can settle.
fn is_of_files(code: crate::Code) -> bool {
    use crate::Code;
    matches!(code, Code::MigrationDuplicate | Code::MigrationName | Code::MigrationScript)
}
