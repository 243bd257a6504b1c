//! Two branches made the same number: the migrations put into one order, and the later ones given new numbers.

use super::add::down_paths;
use super::edit::{Overlay, seal};
use super::repair::{previous_snapshot, renames_in};
use super::{Edit, Replay};
use crate::dialect::Dialect;
use crate::diff::{Answers, Change, Options, Part, diff};
use crate::error::{Code, Error, Result};
use crate::history::journal::{Entry, Journal};
use crate::history::{Files, Folder, History, Layout, Migration, Model, same_version, snapshot_statements, tag};
use crate::schema::Schema;

/// The edit that gives every migration a number of its own. `first` are the tags of those that come first where two
/// have one number: those that a database has run. Where they start with the first of all, they come before everything
/// that it has not run. Else the order of the journal decides, in which git puts the side of the branch that was merged
/// into first; what the journal does not know comes last. Returns the old and the new tags, too.
///
/// # Errors
/// What keeps the scripts from running one after the other, with the migration that does not.
pub fn rebase(
    files: &dyn Files,
    first: &[String],
    day: &str,
    replay: &mut Replay<'_>,
) -> Result<(Edit, Vec<(String, String)>)> {
    let mut overlay = Overlay::new(files);
    let beside = Layout::Sqlx.journal();
    let path = if overlay.exists(&beside)? { beside } else { Layout::Whimbrel.journal() };
    // A journal with the marks of a merge cannot be read; what its lines say is not lost by that.
    let salvaged = match overlay.exists(&path)? {
        true => salvage(&String::from_utf8_lossy(&overlay.read(&path)?)),
        false => Vec::new(),
    };
    overlay.discard(&path)?;
    // An edit that was stopped half way: the journal of before, or of after, tells which number is the old one.
    forget_old_numbers(&mut overlay, &salvaged, first)?;
    let folder = Folder::read(&overlay)?;
    if !matches!(folder.layout, Layout::Plain | Layout::Whimbrel | Layout::Sqlx) {
        let message = format!("this is a folder of {}: its numbers are that tool's business", folder.layout);
        return Err(Error::new(Code::HistoryFixed, message));
    }
    if let Some(problem) = folder.problems.iter().find(|p| p.blocks && p.code != Code::MigrationDuplicate) {
        return Err(problem.error());
    }
    let mut migrations: Vec<Migration> = folder.history.migrations.to_vec();
    let has_two = migrations.windows(2).any(|pair| same_version(&pair[0].version, &pair[1].version));
    if has_two {
        // In the order of the journal: what was there, what the one branch made, what the other made. What it does not
        // know comes last, in the order of the numbers; of two with one number, the one that has run comes first.
        let listed = |m: &Migration| salvaged.iter().position(|e| e.tag() == m.tag()).unwrap_or(usize::MAX);
        let places: Vec<usize> = migrations.iter().map(listed).collect();
        let place = |m: &Migration| {
            let same = |other: &&Migration| same_version(&other.version, &m.version);
            let of_number = migrations.iter().zip(&places).filter(|(other, _)| same(other)).map(|(_, place)| *place);
            match first.contains(&m.tag()) {
                true => (of_number.min().unwrap_or(usize::MAX), 0),
                false => (listed(m), 1),
            }
        };
        let mut keyed: Vec<((usize, i32), Migration)> = migrations.iter().map(|m| (place(m), m.clone())).collect();
        keyed.sort_by_key(|(place, _)| *place);
        migrations = keyed.into_iter().map(|(_, migration)| migration).collect();
    }
    // Where all is known that a database has run, it comes before what it has not: it cannot get a later number any more.
    if folder.history.migrations.first().is_some_and(|m| first.contains(&m.tag())) {
        migrations.sort_by_key(|m| match first.contains(&m.tag()) {
            true => (0, m.version.len(), m.version.clone()),
            false => (1, 0, std::borrow::Cow::Borrowed("")),
        });
    }
    let mut moved = Vec::new();
    let mut last = 0_u64;
    let mut renames = Vec::new();
    let mut entries = Vec::new();
    for migration in &migrations {
        let number: u64 = migration.version.parse().map_err(|_| {
            Error::new(Code::MigrationName, format!("{} has no number that can be raised", migration.tag()))
        })?;
        let wanted = number.max(last + 1);
        last = wanted;
        let version = match wanted == number {
            true => migration.version.to_string(),
            false => format!("{wanted:0width$}", width = migration.version.len()),
        };
        let new_path = migration.path.replacen(&*migration.version, &version, 1);
        if new_path != migration.path {
            moved.push((migration.tag(), tag(&version, &migration.name)));
            renames.push((migration.path.to_string(), new_path.clone()));
            renames.extend(down_paths(&migration.path).into_iter().zip(down_paths(&new_path)));
        }
        let old = salvaged.iter().find(|e| e.tag() == migration.tag());
        let new = Migration { idx: wanted as u32, version: version.into(), ..migration.clone() };
        let mut entry = Entry::of(&new, old.and_then(|e| e.when.clone()).or_else(|| Some(day.to_owned())));
        if let Some(old) = old {
            entry.squashes.clone_from(&old.squashes);
            entry.seeds = old.seeds;
        }
        entries.push(entry);
    }
    // From the last on, so that no file is written over before it has moved itself.
    for (from, to) in renames.iter().rev() {
        overlay.rename(from, to)?;
    }
    for path in overlay.list()?.iter().filter(|path| path.ends_with("_snapshot.json")) {
        // The marks of a merge stand in these, too.
        let text = String::from_utf8_lossy(&overlay.read(path)?).into_owned();
        let is_sound = match folder.dialect {
            Dialect::Sqlite => Schema::from_snapshot(&text).is_ok(),
            Dialect::Postgres => snapshot_statements(&text).is_ok(),
        };
        if !is_sound {
            overlay.discard(path)?;
        }
    }
    let previous = previous_snapshot(&overlay, &folder)?;
    let journal = Journal::new(folder.dialect, entries);
    overlay.write(&path, journal.write().as_bytes())?;
    let sealed = seal(&mut overlay, Some(&journal), day, None, previous.as_ref(), replay)?;
    if let Some((_, first_moved)) = moved.first() {
        check_losses(&sealed.history, first_moved, replay)?;
    }
    let messages = moved.iter().map(|(from, to)| format!("{from} is {to} now")).collect();
    Ok((overlay.edit(messages)?, moved))
}

/// A script that makes a table anew lists the columns it knew when it was written; what the other branch has added since
/// would go without a word. Whatever goes, the script has to name.
fn check_losses(history: &History, first: &str, replay: &mut Replay<'_>) -> Result<()> {
    let Some(start) = history.migrations.iter().position(|m| m.tag() == first) else { return Ok(()) };
    let older = history.migrations[..start].last().map_or(0, |m| m.idx);
    let mut before = replay(&history.up_to(older))?.schema;
    for migration in &history.migrations[start..] {
        let after = replay(&history.up_to(migration.idx))?.schema;
        let text = migration.up.to_lowercase();
        let is_named = |name: &str| text.contains(&name.to_lowercase());
        let gone = match (&before, &after) {
            (Model::Sqlite(before), Model::Sqlite(after)) => unnamed_loss(migration, before, after)?,
            _ => after.differences(&before)?.wrong.into_iter().find(|what| {
                // Of a column that goes or becomes another, the words name the object first.
                let name = what.strip_suffix(" is missing").and_then(|object| object.rsplit([' ', '.']).next());
                name.is_some_and(|name| !is_named(name.trim_matches('"')))
            }),
        };
        if let Some(gone) = gone {
            let tag = migration.tag();
            let message = format!("{tag} would take back {gone}, of which it knows nothing: it was made without it");
            return Err(Error::new(Code::DataLoss, message)
                .migration(tag)
                .help("take it out of the folder, put the rest in order, and generate it anew on top"));
        }
        before = after;
    }
    Ok(())
}

/// What is gone behind a script of SQLite that does not name it.
fn unnamed_loss(migration: &Migration, before: &Schema, after: &Schema) -> Result<Option<String>> {
    let mut answers = Answers::default();
    answers.drop_the_rest = true;
    let renames = renames_in(migration, before);
    for table in &renames.tables {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        if table.before != table.after {
            answers.rename(&quoted(&table.before), &quoted(&table.after))?;
        }
        for (old, new) in &table.columns {
            answers.rename(&format!("{}.{}", quoted(&table.before), quoted(old)), &quoted(new))?;
        }
    }
    let found = diff(before, after, &answers, &Options::default())?;
    let text = migration.up.to_lowercase();
    let is_named = |name: &str| text.contains(&name.to_lowercase());
    for change in &found.changes {
        let gone = match change {
            Change::AlterTable(table) => table.parts.iter().find_map(|part| match part {
                Part::DropColumn(column) if !is_named(&column.name) => {
                    Some(format!("column {}.{}", table.before.name, column.name))
                }
                // What a generated script changes stands in its first lines.
                Part::AlterColumn { before: column, .. }
                    if is_told(&text, &table.after.name, &column.name) == Some(false) =>
                {
                    Some(format!("the change of column {}.{}", table.before.name, column.name))
                }
                _ => None,
            }),
            change if change.sign() == '-' && !is_named(change.object()) => {
                Some(format!("{} {}", change.object_kind(), change.object()))
            }
            _ => None,
        };
        if gone.is_some() {
            return Ok(gone);
        }
    }
    Ok(None)
}

/// Whether the first lines of a generated script tell of a column; none where they do not tell of its table at all.
fn is_told(text: &str, table: &str, column: &str) -> Option<bool> {
    let start = format!("-- table {}:", table.to_lowercase());
    let mut lines = text.lines().filter(|line| line.starts_with(&start)).peekable();
    lines.peek()?;
    Some(lines.any(|line| line.contains(&column.to_lowercase())))
}

/// Removes the old number of a script that has a new one already, as a stop in the middle leaves it: the journal, be it
/// that of before or that of after, does not know both.
pub(super) fn forget_old_numbers(overlay: &mut Overlay<'_>, journal: &[Entry], first: &[String]) -> Result<()> {
    let folder = Folder::read(overlay)?;
    let migrations = &folder.history.migrations;
    let is_listed = |m: &Migration| journal.iter().any(|entry| entry.tag() == m.tag());
    for (n, migration) in migrations.iter().enumerate() {
        let is_copy = |later: &&Migration| {
            let is_same = later.name == migration.name && later.hash == migration.hash;
            is_same && !(is_listed(later) && is_listed(migration))
        };
        let has_copy = migrations[n + 1..].iter().any(|m| is_copy(&m));
        if has_copy && !migration.name.is_empty() && !first.contains(&migration.tag()) {
            overlay.discard(&migration.path)?;
            down_paths(&migration.path).iter().try_for_each(|path| overlay.discard(path))?;
        }
    }
    Ok(())
}

/// The entries in a journal's text, whatever stands around them.
pub(super) fn salvage(text: &str) -> Vec<Entry> {
    if let Ok(journal) = serde_json::from_str::<Journal>(text) {
        return journal.entries;
    }
    let mut entries: Vec<Entry> = Vec::new();
    for line in text.lines() {
        if let Ok(entry) = serde_json::from_str::<Entry>(line.trim().trim_end_matches(','))
            && !entries.contains(&entry)
        {
            entries.push(entry);
        }
    }
    entries
}
