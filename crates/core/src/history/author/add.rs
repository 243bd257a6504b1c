//! A new migration, and taking the newest one out again.

use serde_json::Value;

use super::edit::{Overlay, seal};
use super::naming::{Paths, next};
use super::repair::known_ids;
use super::{Edit, Replay};
use crate::dialect::Dialect;
use crate::error::{Code, Error, Result};
use crate::history::statements::split;
use crate::history::{Files, Folder, Layout, Migration, Model, Problem};

/// A migration to be written.
#[derive(Debug, Clone, Default)]
pub struct NewMigration {
    /// Its name, in any form.
    pub name: String,
    /// The script.
    pub up: String,
    /// The script that undoes it.
    pub down: Option<String>,
    /// The schema afterwards, with its stable ids; none where the script is written by hand.
    pub schema: Option<Model>,
    /// The day, such as `2026-11-21`.
    pub day: String,
    /// The time as digits, `20261121093000`, for folders whose versions are times.
    pub now: String,
}

/// The edit that adds a migration to a folder: its scripts, the snapshot and the journal.
///
/// # Errors
/// The folder's own problems, and what the new migration would make wrong.
pub fn add(
    files: &dyn Files,
    folder: &Folder,
    new: &NewMigration,
    replay: &mut Replay<'_>,
) -> Result<(Edit, Migration)> {
    if let Some(problem) = folder.blocker() {
        return Err(problem.error());
    }
    // What was edited on purpose is taken over by `repair`, which says so; the newest may just have been filled in.
    let newest = folder.history.newest();
    let is_older = |problem: &&Problem| problem.code == Code::MigrationStale && problem.idx != Some(newest);
    if let Some(problem) = folder.problems.iter().find(is_older) {
        return Err(problem.error());
    }
    // An empty folder becomes one of Whimbrel's own.
    let is_empty = folder.history.migrations.is_empty() && folder.layout == Layout::Plain;
    let as_own = Folder { layout: Layout::Whimbrel, dialect: folder.dialect, ..Folder::default() };
    let folder = if is_empty { &as_own } else { folder };
    let paths = next(files, folder, &new.name, &new.now)?;
    let previous = folder.snapshot.as_deref().map(|json| known_ids(folder.dialect, json)).transpose()?.flatten();
    let mut overlay = Overlay::new(files);
    write_scripts(&mut overlay, folder, &paths, new)?;
    let sealed = seal(&mut overlay, folder.journal.as_ref(), &new.day, new.schema.as_ref(), previous.as_ref(), replay)?;
    let made = sealed.history.migrations.iter().find(|m| m.version == paths.version).cloned();
    let made = made
        .ok_or_else(|| Error::new(Code::NotVerified, format!("{} would not be read back from the folder", paths.up)))?;
    Ok((overlay.edit(Vec::new())?, made))
}

fn write_scripts(overlay: &mut Overlay<'_>, folder: &Folder, paths: &Paths, new: &NewMigration) -> Result<()> {
    let (layout, dialect) = (folder.layout, folder.dialect);
    let up = new.up.trim_start_matches('\n');
    match layout {
        Layout::Goose | Layout::Sections => {
            let (start, end) = match layout {
                Layout::Goose => ("-- +goose Up", "-- +goose Down"),
                _ => sections(overlay)?,
            };
            let mut text = format!("{start}\n{}", guarded(dialect, up, layout));
            if let Some(down) = &new.down {
                text.push_str(&format!("\n{end}\n{}", guarded(dialect, down.trim_start_matches('\n'), layout)));
            }
            overlay.write(&paths.up, text.as_bytes())?;
        }
        Layout::Drizzle => {
            overlay.write(&paths.up, with_breakpoints(dialect, up).as_bytes())?;
            add_to_drizzle(overlay, paths, &new.now)?;
        }
        _ => overlay.write(&paths.up, up.as_bytes())?,
    }
    if let (Some(path), Some(down)) = (&paths.down, &new.down) {
        overlay.write(path, down.trim_start_matches('\n').as_bytes())?;
    }
    Ok(())
}

/// The words by which the files of this folder are cut.
fn sections(overlay: &Overlay<'_>) -> Result<(&'static str, &'static str)> {
    for path in overlay.list()?.iter().filter(|p| p.ends_with(".sql")) {
        if String::from_utf8_lossy(&overlay.read(path)?).contains("-- migrate:up") {
            return Ok(("-- migrate:up", "-- migrate:down"));
        }
    }
    Ok(("-- +migrate Up", "-- +migrate Down"))
}

/// goose and sql-migrate cut at semicolons: what holds some of its own, a trigger, is put between their marks.
fn guarded(dialect: Dialect, script: &str, layout: Layout) -> String {
    let marks = match layout {
        Layout::Goose => ("-- +goose StatementBegin", "-- +goose StatementEnd"),
        _ => ("-- +migrate StatementBegin", "-- +migrate StatementEnd"),
    };
    let mut out = String::new();
    let mut last = 0;
    for statement in split(dialect, script).unwrap_or_default() {
        let text = &script[statement.range.clone()];
        if text.contains(';') {
            let end = script[statement.range.end..].find(';').map_or(script.len(), |n| statement.range.end + n + 1);
            out.push_str(&script[last..statement.range.start]);
            out.push_str(&format!("{}\n{}\n{}", marks.0, &script[statement.range.start..end], marks.1));
            last = end;
        }
    }
    out.push_str(&script[last..]);
    out
}

/// Drizzle's own runner sends what stands between its breakpoints one by one.
fn with_breakpoints(dialect: Dialect, script: &str) -> String {
    let statements = split(dialect, script).unwrap_or_default();
    let mut out = String::new();
    let mut last = 0;
    for (n, statement) in statements.iter().enumerate() {
        let end = script[statement.range.end..].find(';').map_or(script.len(), |at| statement.range.end + at + 1);
        out.push_str(&script[last..end]);
        if n + 1 < statements.len() {
            out.push_str("--> statement-breakpoint");
        }
        last = end;
    }
    out.push_str(&script[last..]);
    out
}

/// Drizzle's journal says which files there are; all else in it stays as it is.
fn add_to_drizzle(overlay: &mut Overlay<'_>, paths: &Paths, now: &str) -> Result<()> {
    const JOURNAL: &str = "meta/_journal.json";
    let unreadable = |e: serde_json::Error| Error::new(Code::Journal, format!("{JOURNAL} cannot be read")).cause(e);
    let mut journal: Value = serde_json::from_slice(&overlay.read(JOURNAL)?).map_err(unreadable)?;
    let Some(entries) = journal.get_mut("entries").and_then(Value::as_array_mut) else {
        return Err(Error::new(Code::Journal, format!("{JOURNAL} has no entries")));
    };
    let last = entries.last().cloned().unwrap_or_default();
    let number = |name: &str| last.get(name).and_then(Value::as_i64);
    let when = number("when").map_or(0, |when| when + 1).max(milliseconds(now));
    let tag = paths.up.trim_end_matches(".sql");
    let version = last.get("version").cloned().unwrap_or_else(|| Value::from("6"));
    entries.push(serde_json::json!({
        "idx": number("idx").map_or(0, |idx| idx + 1), "version": version, "when": when, "tag": tag, "breakpoints": true
    }));
    let mut text = serde_json::to_string_pretty(&journal).unwrap_or_default();
    text.push('\n');
    overlay.write(JOURNAL, text.as_bytes())
}

/// `20261121093000` in milliseconds since 1970, by the days of the civil calendar
/// (<https://howardhinnant.github.io/date_algorithms.html#days_from_civil>); 0 where it is no time.
fn milliseconds(now: &str) -> i64 {
    let part = |range: std::ops::Range<usize>| now.get(range).and_then(|text| text.parse::<i64>().ok());
    let parts = (part(0..4), part(4..6), part(6..8), part(8..10), part(10..12), part(12..14));
    let (Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)) = parts else { return 0 };
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000
}

/// The edit that takes the newest migration out.
///
/// # Errors
/// [`Code::UnknownMigration`] where there is none; [`Code::HistoryFixed`] where it replaces others.
pub fn drop_last(files: &dyn Files, folder: &Folder, day: &str, replay: &mut Replay<'_>) -> Result<(Edit, Migration)> {
    let Some(newest) = folder.history.migrations.last().cloned() else {
        return Err(Error::new(Code::UnknownMigration, "there is no migration to take out"));
    };
    if !newest.replaces.is_empty() {
        return Err(Error::new(Code::HistoryFixed, format!("{} was squashed from others", newest.tag()))
            .migration(newest.tag())
            .help("bring the folder back from version control"));
    }
    let mut overlay = Overlay::new(files);
    overlay.discard(&newest.path)?;
    for path in down_paths(&newest.path) {
        overlay.discard(&path)?;
    }
    overlay.discard(&folder.layout.snapshot(&newest.version))?;
    if folder.layout == Layout::Drizzle {
        remove_from_drizzle(&mut overlay, newest.path.trim_end_matches(".sql"))?;
    }
    let mut journal = folder.journal.clone();
    if let Some(journal) = &mut journal {
        journal.entries.retain(|entry| entry.tag() != newest.tag());
        let text = journal.write();
        overlay.write(&folder.layout.journal(), text.as_bytes())?;
        let previous = journal.entries.last().map(|entry| folder.layout.snapshot(&entry.version));
        let previous = previous.filter(|path| overlay.exists(path).unwrap_or(false));
        let previous = previous.and_then(|path| overlay.read(&path).ok());
        let previous =
            previous.and_then(|bytes| known_ids(folder.dialect, &String::from_utf8_lossy(&bytes)).ok().flatten());
        seal(&mut overlay, Some(&*journal), day, None, previous.as_ref(), replay)?;
    }
    Ok((overlay.edit(Vec::new())?, newest))
}

/// Where the way back of a migration may lie.
pub(super) fn down_paths(up: &str) -> Vec<String> {
    match up.strip_suffix("up.sql") {
        Some(start) => vec![format!("{start}down.sql")],
        None => vec![format!("{}.down.sql", up.trim_end_matches(".sql"))],
    }
}

fn remove_from_drizzle(overlay: &mut Overlay<'_>, tag: &str) -> Result<()> {
    const JOURNAL: &str = "meta/_journal.json";
    let unreadable = |e: serde_json::Error| Error::new(Code::Journal, format!("{JOURNAL} cannot be read")).cause(e);
    let mut journal: Value = serde_json::from_slice(&overlay.read(JOURNAL)?).map_err(unreadable)?;
    if let Some(entries) = journal.get_mut("entries").and_then(Value::as_array_mut) {
        entries.retain(|entry| entry.get("tag").and_then(Value::as_str) != Some(tag));
    }
    let mut text = serde_json::to_string_pretty(&journal).unwrap_or_default();
    text.push('\n');
    overlay.write(JOURNAL, text.as_bytes())
}
