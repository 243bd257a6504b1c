//! Journal and snapshots brought in line with the files: after a script was edited on purpose, renamed, or written by
//! hand.

use super::edit::{Overlay, clear_leftovers, seal};
use super::rebase::salvage;
use super::{Edit, Replay};
use crate::dialect::Dialect;
use crate::diff::{Renames, TableRename};
use crate::error::{Code, Result};
use crate::history::journal::Journal;
use crate::history::{Files, Folder, Layout, Migration, Model, same_version};
use crate::schema::{Schema, same_name};
use crate::sqlite::split::split;
use crate::sqlite::token::TokenKind;

/// What is repaired.
#[derive(Debug, Clone, Default)]
pub struct Repair {
    /// Migrations that are in the journal, whose files are gone, and that may be forgotten: versions or tags.
    pub forget: Vec<String>,
    /// The day, such as `2026-11-21`.
    pub day: String,
}

/// The edit that brings journal and snapshot in line with the files.
///
/// # Errors
/// [`Code::MigrationMissing`] where a file is gone that was not to be forgotten; what the scripts themselves make wrong.
pub fn repair(files: &dyn Files, repair: &Repair, replay: &mut Replay<'_>) -> Result<Edit> {
    let mut messages = Vec::new();
    let mut overlay = Overlay::new(files);
    let mut salvaged = Vec::new();
    match Folder::read(&overlay) {
        // A journal that nobody can read any more is made anew from the files. The conflict of a merge is no such one.
        Err(e) if e.code() == Code::Journal && !e.report().message.contains("conflict") => {
            for path in [Layout::Whimbrel.journal(), Layout::Sqlx.journal()] {
                if overlay.exists(&path)? {
                    salvaged.extend(salvage(&String::from_utf8_lossy(&overlay.read(&path)?)));
                    overlay.discard(&path)?;
                }
            }
            messages.push("the journal could not be read, and is made anew from the files".to_owned());
        }
        Err(e) => return Err(e),
        Ok(folder) => salvaged = folder.journal.map(|journal| journal.entries).unwrap_or_default(),
    }
    clear_leftovers(&mut overlay, &salvaged)?;
    let folder = Folder::read(&overlay)?;
    for problem in &folder.problems {
        match problem.code {
            Code::MigrationMissing => {
                let is_forgotten = repair.forget.iter().any(|word| {
                    *word == problem.name || problem.name.split('_').next().is_some_and(|v| same_version(v, word))
                });
                if !is_forgotten {
                    return Err(problem.error().help(format!(
                        "to forget it, say --forget {}: databases that have run it are refused",
                        problem.name
                    )));
                }
                overlay.discard(&format!("{}.down.sql", problem.name))?;
                messages.push(format!("{} is forgotten", problem.name));
            }
            Code::MigrationStale => messages.push(format!("{} is taken over as it is now", problem.name)),
            Code::MigrationRenamed => messages.push(format!("{} is taken over under its new name", problem.name)),
            Code::MigrationUnlisted => messages.push(format!("{} is taken in", problem.name)),
            Code::Snapshot => messages.push(format!("the snapshot of {} is made anew", problem.name)),
            Code::MigrationMoved => messages.push("the journal is in the order of the numbers".to_owned()),
            _ => return Err(problem.error()),
        }
    }
    let previous = previous_snapshot(&overlay, &folder)?;
    let mut journal = Journal::new(folder.dialect, salvaged);
    // Only what fits is kept of the journal; the rest is made anew from the files.
    journal.entries.retain(|entry| {
        folder.history.migrations.iter().any(|m| m.tag() == entry.tag() && entry.checksum() == Some(m.checksum))
    });
    overlay.write(&name(folder.layout), rewritten(&folder, &journal, &repair.day).write().as_bytes())?;
    seal(&mut overlay, Some(&journal), &repair.day, None, previous.as_ref(), replay)?;
    let edit = overlay.edit(messages)?;
    Ok(edit)
}

fn name(layout: Layout) -> String {
    if layout == Layout::Plain { Layout::Whimbrel.journal() } else { layout.journal() }
}

/// A journal of the files as they are.
fn rewritten(folder: &Folder, kept: &Journal, day: &str) -> Journal {
    let entries = folder.history.migrations.iter().map(|migration| {
        let old = kept.entries.iter().find(|e| e.tag() == migration.tag()).cloned();
        old.unwrap_or_else(|| crate::history::journal::Entry::of(migration, Some(day.to_owned())))
    });
    Journal::new(folder.dialect, entries.collect())
}

/// The newest snapshot that can be read: it knows the stable ids.
pub(super) fn previous_snapshot(files: &dyn Files, folder: &Folder) -> Result<Option<Model>> {
    let mut paths: Vec<String> = files.list()?;
    let prefix = format!("{}/", name(folder.layout).trim_end_matches("/_journal.json"));
    paths.retain(|path| path.starts_with(&prefix) && path.ends_with("_snapshot.json"));
    for path in paths.iter().rev() {
        if let Ok(Some(known)) = known_ids(folder.dialect, &String::from_utf8_lossy(&files.read(path)?)) {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

/// The schema of a snapshot whose objects have stable ids. PostgreSQL's have none: their names are asked about anew.
pub(super) fn known_ids(dialect: Dialect, json: &str) -> Result<Option<Model>> {
    match dialect {
        Dialect::Sqlite => Schema::from_snapshot(json).map(|schema| Some(schema.into())),
        Dialect::Postgres => Ok(None),
    }
}

/// The renames that a script makes with ALTER TABLE, as far as they are of what the schema before has.
pub(super) fn renames_in(migration: &Migration, before: &Schema) -> Renames {
    let text = &*migration.up;
    let mut renames = Renames::default();
    for statement in split(text).unwrap_or_default() {
        let tokens: Vec<_> = statement.tokens.iter().filter(|t| t.kind != TokenKind::Comment).collect();
        let is = |n: usize, word: &str| tokens.get(n).is_some_and(|t| t.is(text, word));
        let name = |n: usize| tokens.get(n).and_then(|t| t.name(text));
        if !is(0, "alter") || !is(1, "table") {
            continue;
        }
        let at = if is(3, ".") { 4 } else { 2 };
        let Some(table) = name(at) else { continue };
        if !is(at + 1, "rename") {
            continue;
        }
        let entry = |renames: &mut Renames| -> Option<usize> {
            let found = renames.tables.iter().position(|r| same_name(&r.after, &table));
            found.or_else(|| {
                let known = before.table(&table)?;
                renames.tables.push(TableRename {
                    before: known.name.clone(),
                    after: known.name.clone(),
                    columns: Vec::new(),
                    by_copy: false,
                });
                Some(renames.tables.len() - 1)
            })
        };
        if is(at + 2, "to") {
            if let (Some(n), Some(new)) = (entry(&mut renames), name(at + 3)) {
                renames.tables[n].after = new;
            }
            continue;
        }
        let old = if is(at + 2, "column") { at + 3 } else { at + 2 };
        if let (Some(from), true, Some(to)) = (name(old), is(old + 1, "to"), name(old + 2))
            && let Some(n) = entry(&mut renames)
        {
            let columns = &mut renames.tables[n].columns;
            match columns.iter_mut().find(|(_, new)| same_name(new, &from)) {
                Some(pair) => pair.1 = to,
                None => columns.push((from, to)),
            }
        }
    }
    renames
}
