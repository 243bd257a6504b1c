//! Many migrations made one, so that a new database need not replay them. The originals stay in a folder of their own:
//! a device that ran some of them runs the rest.

use super::add::down_paths;
use super::edit::{Overlay, seal};
use super::naming::kebab;
use super::repair::known_ids;
use super::{Edit, Replay};
use crate::dialect::Dialect;
use crate::error::{Code, Error, Result};
use crate::history::journal::{Entry, Journal};
use crate::history::statements::split;
use crate::history::{Files, Folder, History, Layout, Migration, Model};

/// What is squashed, and into what.
#[derive(Debug, Clone, Default)]
pub struct Squash {
    /// The number of the first.
    pub from: u32,
    /// The number of the last, which the new one takes.
    pub to: u32,
    /// The new one's name, in any form.
    pub name: String,
    /// Whether the originals are thrown away: databases that have run some of them, and not all, are then left behind.
    pub forget: bool,
    /// The day, such as `2026-11-21`.
    pub day: String,
}

/// The edit that squashes.
///
/// # Errors
/// The folder's own problems; [`Code::HistoryFixed`] where the folder is another tool's, whose own record would not fit
/// any more.
pub fn squash(files: &dyn Files, folder: &Folder, squash: &Squash, replay: &mut Replay<'_>) -> Result<Edit> {
    let name = kebab(if squash.name.is_empty() { "squash" } else { &squash.name });
    let mut overlay = Overlay::new(files);
    // A squash that was stopped has left its script, and the journal does not know it yet: it is written anew.
    let listed = folder.journal.iter().flat_map(|journal| &journal.entries);
    let is_left = |m: &&Migration| m.idx == squash.to && m.name == name && listed.clone().all(|e| e.tag() != m.tag());
    for left in folder.history.migrations.iter().filter(|m| folder.journal.is_some() && is_left(m)) {
        overlay.discard(&left.path)?;
        down_paths(&left.path).iter().try_for_each(|path| overlay.discard(path))?;
    }
    let folder = &Folder::read(&overlay)?;
    if let Some(problem) = folder.problems.first() {
        return Err(problem.error());
    }
    if !matches!(folder.layout, Layout::Whimbrel | Layout::Plain) {
        let message = format!("this is a folder of {}, which would not know its migrations any more", folder.layout);
        return Err(Error::new(Code::HistoryFixed, message)
            .help("squash with that tool, or move the migrations to a folder of Whimbrel's own first"));
    }
    let range: Vec<&Migration> =
        folder.history.migrations.iter().filter(|m| (squash.from..=squash.to).contains(&m.idx)).collect();
    let [first, .., last] = range.as_slice() else {
        return Err(Error::new(Code::UnknownMigration, "a squash needs two migrations at least"));
    };
    let is_from_start = folder.history.migrations.first().is_some_and(|m| m.idx == first.idx);
    let replayed = replay(&folder.history.up_to(last.idx))?;
    let snapshot = folder.snapshot.as_deref();
    let previous = snapshot.map(|json| known_ids(folder.dialect, json)).transpose()?.flatten();
    let owner = previous.as_ref().and_then(Model::sqlite).and_then(|schema| schema.application_id);
    let owner = owner.map_or_else(String::new, |id| format!("\nPRAGMA application_id = {id};\n"));
    let is_schema = is_from_start && !replayed.seeds && range.iter().all(|m| is_carried(m));
    let up = match is_schema {
        true => {
            let title = format!("-- {} migrations, {} to {}, in one", range.len(), first.tag(), last.tag());
            format!("{title}\n\n{}{owner}", replayed.schema.to_sql())
        }
        false => one_after_the_other(&range, |m| Some(&*m.up))?,
    };
    let reversed: Vec<&Migration> = range.iter().rev().copied().collect();
    let down = one_after_the_other(&reversed, |m| m.down.as_deref()).ok();
    // New things first: what stops in the middle leaves the originals where they are.
    let path = format!("{}_{name}.sql", last.version);
    for migration in &range {
        if !migration.replaces.is_empty() {
            // What it was squashed from lies there already.
            overlay.discard(&migration.path)?;
            down_paths(&migration.path).iter().try_for_each(|path| overlay.discard(path))?;
            continue;
        }
        let downs = down_paths(&migration.path);
        for path in downs.iter().chain([&migration.path.to_string()]) {
            match squash.forget {
                true => overlay.discard(path)?,
                false => overlay.rename(path, &format!("squashed/{path}"))?,
            }
        }
    }
    overlay.write(&path, up.as_bytes())?;
    if let Some(down) = down {
        overlay.write(&format!("{}_{name}.down.sql", last.version), down.as_bytes())?;
    }
    for migration in range.iter().filter(|m| m.idx != last.idx) {
        overlay.discard(&folder.layout.snapshot(&migration.version))?;
    }
    let originals: Vec<Entry> = range.iter().flat_map(|m| m.originals()).map(|m| Entry::of(m, None)).collect();
    let mut entries: Vec<Entry> = Vec::new();
    let known = folder.journal.iter().flat_map(|journal| &journal.entries);
    let when = |m: &Migration| known.clone().find(|e| e.tag() == m.tag()).and_then(|e| e.when.clone());
    for migration in folder.history.migrations.iter() {
        match range.iter().any(|m| m.idx == migration.idx) {
            true if migration.idx == last.idx => entries.push(Entry {
                idx: last.idx,
                version: last.version.clone().into_owned(),
                name: name.clone(),
                when: Some(squash.day.clone()),
                checksum: checksum(folder.dialect, &path, &up)?.to_string(),
                hash: None,
                seeds: replayed.seeds,
                squashes: originals.clone(),
            }),
            true => {}
            false => entries.push(Entry::of(migration, when(migration).or_else(|| Some(squash.day.clone())))),
        }
    }
    let journal = Journal::new(folder.dialect, entries);
    // The whole history makes the same schema as before, or nothing is written.
    let before = replay(&folder.history)?;
    overlay.write(&Layout::Whimbrel.journal(), journal.write().as_bytes())?;
    let sealed = seal(&mut overlay, Some(&journal), &squash.day, None, previous.as_ref(), replay)?;
    let after = replay(&History::new(sealed.history.migrations.to_vec(), None))?;
    let difference = after.schema.differences(&before.schema)?;
    if let Some(wrong) = difference.wrong.iter().chain(&difference.extra).next() {
        let message = format!("the squashed migrations would not make the same schema: {wrong}");
        return Err(Error::new(Code::NotVerified, message));
    }
    let where_ = if squash.forget { "their files are gone" } else { "their files are in squashed/" };
    let message = format!("{} migrations are {path} now; {where_}", range.len());
    overlay.edit(vec![message])
}

/// Whether all that a script leaves in an empty database stands in its schema. On a server rights and owners do not, nor
/// objects of which there is no model: these are carried by the scripts themselves.
fn is_carried(migration: &Migration) -> bool {
    const WORDS: [&str; 10] =
        ["grant", "revoke", "owner", "privileges", "publication", "subscription", "role", "server", "label", "cast"];
    if migration.dialect == Dialect::Sqlite {
        return true;
    }
    let statements = split(migration.dialect, &migration.up).unwrap_or_default();
    statements.iter().all(|statement| {
        let words: Vec<&str> = statement.words.iter().filter_map(|range| migration.up.get(range.clone())).collect();
        let is = |n: usize, word: &str| words.get(n).is_some_and(|found| found.eq_ignore_ascii_case(word));
        let names_other = words.iter().any(|word| WORDS.iter().any(|other| word.eq_ignore_ascii_case(other)));
        // What a block does is not seen from outside; those that look at rows are of a draft, and leave nothing.
        !names_other && (!is(0, "do") || words.iter().any(|word| word.starts_with("$check")))
    })
}

fn checksum(dialect: Dialect, path: &str, text: &str) -> Result<crate::history::Checksum> {
    crate::history::Checksum::of_script(dialect, text)
        .map_err(|e| Error::new(Code::MigrationScript, format!("{path}: {}", e.message)))
}

/// Scripts joined; each starts with its name. All of them, or none.
fn one_after_the_other<'m>(
    migrations: &[&'m Migration],
    text: impl Fn(&'m Migration) -> Option<&'m str>,
) -> Result<String> {
    let mut out = String::new();
    for migration in migrations {
        let tag = migration.tag();
        let script = migration.script()?;
        if !script.is_one_transaction() {
            return Err(Error::new(Code::HistoryFixed, format!("{tag} does not run in one transaction"))
                .migration(tag)
                .help("squash what comes before it, or what comes behind it"));
        }
        let Some(text) = text(migration) else {
            return Err(Error::new(Code::Irreversible, format!("{tag} has no way back")));
        };
        out.push_str(&format!("-- {tag}\n{}", text.trim()));
        // A comment may be the last thing in a file, and a semicolon may be missing.
        out.push_str(if text.trim_end().ends_with(';') { "\n\n" } else { "\n;\n\n" });
    }
    Ok(out)
}
