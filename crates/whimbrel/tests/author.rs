//! What `generate` writes does on a database with rows what `push` does: every scenario of `testdata/scenarios` once more,
//! as a migration.

mod support;

use std::collections::BTreeMap;
use std::fs;

use rusqlite::Connection;
use support::rows::read_all;
use whimbrel::history::author::{DraftSettings, Edit, NewMigration, add, draft};
use whimbrel::run::{Baseline, baseline, block_on, differences, replay};
use whimbrel::sqlite_host::{Sqlite, read_schema};
use whimbrel::{Error, Files, Folder, History, MemoryFiles, Migrator, Planner, Schema, UpgradeKind};

/// What a history makes of an empty database.
fn replayed(history: &History) -> Result<whimbrel::run::Replayed, Error> {
    let conn = Connection::open_in_memory().unwrap();
    block_on(replay(&mut Sqlite::new(conn), history))
}

fn new(name: &str, up: &str, down: Option<&str>, schema: Option<Schema>) -> NewMigration {
    NewMigration {
        name: name.to_owned(),
        up: up.to_owned(),
        down: down.map(str::to_owned),
        schema,
        day: "2026-11-21".to_owned(),
        now: "20261121093000".to_owned(),
    }
}

fn added(files: &mut MemoryFiles, new: &NewMigration) -> Result<Edit, Error> {
    let folder = Folder::read(files)?;
    let (edit, _) = add(files, &folder, new, &mut replayed)?;
    edit.apply(files)?;
    Ok(edit)
}

/// All rows of all tables but Whimbrel's own.
fn contents(db: &Connection) -> BTreeMap<String, String> {
    let all = read_all(db).into_iter().filter(|(table, _)| !table.starts_with("_whimbrel"));
    all.map(|(table, rows)| (table, format!("{rows:?}"))).collect()
}

#[derive(Default)]
struct Told {
    accept_data_loss: bool,
    strict_order: bool,
    ignores: bool,
    renames: Vec<(String, String)>,
}

fn told(text: &str) -> Told {
    let mut told = Told::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        match (key.trim(), value.trim()) {
            ("accept_data_loss", value) => told.accept_data_loss = value == "true",
            ("strict_order", value) => told.strict_order = value == "true",
            ("ignore", _) => told.ignores = true,
            ("rename", value) => {
                let (old, new) = value.split_once(" -> ").unwrap();
                told.renames.push((old.to_owned(), new.to_owned()));
            }
            _ => {}
        }
    }
    told
}

enum Outcome {
    Same,
    /// Not for a migration, and why.
    LeftOut(&'static str),
}

fn check(name: &str) -> Result<Outcome, String> {
    let folder = support::scenario::folder().join(name);
    let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
    let (before_sql, rows_sql, after_sql, told) =
        (text("before.sql"), text("rows.sql"), text("after.sql"), told(&text("scenario.txt")));
    if told.ignores {
        return Ok(Outcome::LeftOut("a folder has no tables out of sight"));
    }
    let make = || {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(&before_sql).and_then(|()| db.execute_batch(&rows_sql)).map(|()| db)
    };
    let Ok(mut pushed) = make() else { return Ok(Outcome::LeftOut("the database is not to be made this way")) };
    let declared = Schema::from_sql(&after_sql).map_err(|e| e.to_string())?;
    let mut planner =
        Planner::new(&declared).accept_data_loss(told.accept_data_loss).strict_order(told.strict_order);
    for (old, new) in &told.renames {
        planner = planner.rename(old, new).map_err(|e| e.to_string())?;
    }
    if planner.push(&mut pushed).is_err() {
        return Ok(Outcome::LeftOut("push refuses it too"));
    }

    let mut files = MemoryFiles::default();
    let start = read_schema(&mut make().unwrap()).map_err(|e| e.to_string())?;
    if replayed(&one_migration(&before_sql)).is_err() {
        return Ok(Outcome::LeftOut("what is there before cannot be made by a migration"));
    }
    added(&mut files, &new("start", &before_sql, None, None)).map_err(|e| format!("start: {e}"))?;
    let known = Folder::read(&files).unwrap();
    let snapshot = Schema::from_snapshot(known.history.snapshot.as_deref().unwrap()).unwrap();
    let mut settings = DraftSettings {
        accept_data_loss: told.accept_data_loss,
        strict_order: told.strict_order,
        ..DraftSettings::default()
    };
    for (old, new) in &told.renames {
        settings.answers.rename(old, new).map_err(|e| e.to_string())?;
    }
    let draft = draft(&snapshot, &declared, &settings).map_err(|e| format!("draft: {e}"))?;
    if draft.changes.is_empty() {
        return Ok(Outcome::Same);
    }
    let script = format!("{}\n=== down\n{}", draft.up, draft.down.as_deref().unwrap_or_default());
    let step = |what: &str, e: &dyn std::fmt::Display| format!("{what}: {e}\n{script}");
    added(&mut files, &new("change", &draft.up, draft.down.as_deref(), Some(draft.schema.clone())))
        .map_err(|e| step("add", &e))?;
    let history = Folder::read(&files).unwrap().history;

    let mut db = make().unwrap();
    let settings = Baseline { applied: vec![1], ..Baseline::default() };
    block_on(baseline(&mut Sqlite::new(&db), &history, &settings)).map_err(|e| step("baseline", &e))?;
    let upgrade = Migrator::new(&history).run(&mut db).map_err(|e| step("upgrade", &e))?;
    assert_eq!(upgrade.kind, UpgradeKind::Upgraded);
    let (found, wanted) = (contents(&db), contents(&pushed));
    if found != wanted {
        return Err(step("rows", &format!("{found:#?}\nbut push gives\n{wanted:#?}")));
    }
    let records =
        block_on(whimbrel::run::read_tracking(&mut Sqlite::new(&db))).map_err(|e| step("records", &e))?.records;
    let undone = whimbrel::run::undone(&records, 1);
    if let Err(e) = Migrator::new(&history).undo(&mut db, &undone) {
        // The old schema may not take the rows of the new one: what the way back then says is why.
        return match e.code() {
            whimbrel::Code::RowsDoNotFit => Ok(Outcome::LeftOut("the rows of the new schema do not fit the old one")),
            _ => Err(step("down", &e)),
        };
    }
    let left = differences(&read_schema(&mut db).unwrap(), &start).unwrap();
    match left.wrong.iter().chain(&left.extra).next() {
        Some(wrong) => Err(step("after the way back", wrong)),
        None => Ok(Outcome::Same),
    }
}

fn one_migration(script: &str) -> History {
    let mut files = MemoryFiles::default();
    files.write("1_start.sql", script.as_bytes()).unwrap();
    Folder::read(&files).map(|folder| folder.history).unwrap_or_default()
}

#[test]
fn every_scenario_as_a_migration() {
    let mut names: Vec<String> = fs::read_dir(support::scenario::folder())
        .unwrap()
        .filter_map(|entry| entry.ok().filter(|e| e.path().is_dir())?.file_name().into_string().ok())
        .collect();
    names.sort();
    let (mut same, mut left_out, mut failed) = (0, BTreeMap::<&str, Vec<&str>>::new(), Vec::new());
    for name in &names {
        match check(name) {
            Ok(Outcome::Same) => same += 1,
            Ok(Outcome::LeftOut(why)) => left_out.entry(why).or_default().push(name),
            Err(e) => failed.push(format!("--- {name}: {e}")),
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), names.len(), failed.join("\n"));
    assert!(same > 100, "{same} only; left out: {left_out:#?}");
}
