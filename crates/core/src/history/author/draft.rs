//! Two schemas → the scripts of a migration and of its way back.
//!
//! The steps are the planner's, made for a database of which nothing is known but that it has rows, and for every SQLite
//! from [`DraftSettings::minimum_sqlite`] on. Where something goes and something comes, there are two parts: first all
//! that is new beside all that is old, then the author's own place, where old and new stand side by side, then the rest.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::diff::{Answers, Change, Diff, Options, Part, Question, Renames, TableChange, diff};
use crate::error::{Code, Error, Result};
use crate::history::Model;
use crate::plan::{Hazard, Statement, Strategy};
use crate::schema::{Column, Meaning, Schema, Table, fold, same_name};
use crate::sqlite::plan::{Facts, fired_by_update, plan};
use crate::sqlite::probe::{ProbeKind, probes};
use crate::sqlite::read::is_internal;
use crate::sqlite::token::{TokenKind, is_plain_everywhere, tokenize};

/// How a draft is made.
#[derive(Debug, Clone)]
pub struct DraftSettings {
    /// Answers to questions about renames.
    pub answers: Answers,
    /// Whether data may be lost; it also answers open questions with drop and add.
    pub accept_data_loss: bool,
    /// Whether another order of columns is a change.
    pub strict_order: bool,
    /// The oldest SQLite that will run the script, as a number: 3.35.5 is 3035005.
    pub minimum_sqlite: u32,
}

impl Default for DraftSettings {
    fn default() -> Self {
        DraftSettings {
            answers: Answers::default(),
            accept_data_loss: false,
            strict_order: false,
            // The first whose DROP COLUMN loses nothing.
            minimum_sqlite: 3_035_005,
        }
    }
}

/// A migration that is not written yet.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The script.
    pub up: String,
    /// The script that undoes it, where there is one.
    pub down: Option<String>,
    /// The schema afterwards, with the stable ids of before.
    pub schema: Model,
    /// What must be answered first; then there is no script yet.
    pub questions: Vec<Question>,
    /// What is lost: `column users.mail`.
    pub losses: Vec<String>,
    /// What is lost on the way back.
    pub down_losses: Vec<String>,
    /// What rows may keep it from running.
    pub warnings: Vec<String>,
    /// What changes, in words: `users: add column age`.
    pub changes: Vec<String>,
}

/// Drafts the migration from one schema to another.
///
/// ```
/// use whimbrel_core::{Schema, history::author::{DraftSettings, draft}};
/// let before = Schema::from_sql("CREATE TABLE notes(id INTEGER PRIMARY KEY)")?;
/// let after = Schema::from_sql("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT)")?;
/// let draft = draft(&before, &after, &DraftSettings::default())?;
/// assert!(draft.up.contains("ALTER TABLE notes ADD COLUMN body TEXT;"));
/// assert!(draft.down.is_some_and(|down| down.contains("ALTER TABLE notes DROP COLUMN body;")));
/// # Ok::<(), whimbrel_core::Error>(())
/// ```
///
/// # Errors
/// [`Code::DataLoss`] where something would be lost and that was not accepted; [`Code::UnknownName`] where an answer
/// names what neither schema has.
pub fn draft(before: &Schema, declared: &Schema, settings: &DraftSettings) -> Result<Draft> {
    let options = Options { strict_order: settings.strict_order };
    let mut answers = settings.answers.clone();
    let mut found = diff(before, declared, &answers, &options)?;
    if !found.questions.is_empty() {
        if !settings.accept_data_loss {
            return Ok(Draft { questions: found.questions, ..Draft::default() });
        }
        answers.drop_the_rest = true;
        found = diff(before, declared, &answers, &options)?;
    }
    let mut schema = declared.clone();
    schema.adopt_ids(before, &found.renames);
    if found.changes.is_empty() {
        return Ok(Draft { schema: schema.into(), ..Draft::default() });
    }
    let losses = losses(before, declared, &found, settings);
    if !losses.is_empty() && !settings.accept_data_loss {
        return Err(Error::new(Code::DataLoss, format!("this would lose {}", losses.join(", ")))
            .help("say --accept-data-loss if that is meant")
            .help("the rows can be carried over in the migration's own place for data"));
    }
    let changes = describe(&found);
    let warnings = warnings(&found);
    let mut up = String::new();
    header(&mut up, &changes, &losses, &warnings);
    if let Some(id) = declared.application_id.filter(|id| before.application_id != Some(*id)) {
        let _ = writeln!(up, "\nPRAGMA application_id = {id};");
    }
    let said = said(&found.renames, false)?;
    change(&mut up, before, declared, &found, &said, settings)?;
    let (down, down_losses) = way_back(before, declared, &found, settings)?;
    Ok(Draft { up, down, schema: schema.into(), questions: Vec::new(), losses, down_losses, warnings, changes })
}

fn header(out: &mut String, changes: &[String], losses: &[String], warnings: &[String]) {
    for change in changes {
        let _ = writeln!(out, "-- {}", one_line(change));
    }
    for loss in losses {
        let _ = writeln!(out, "-- Loses: {}", one_line(loss));
    }
    for warning in warnings {
        let _ = writeln!(out, "-- Note: {}", one_line(warning));
    }
}

fn place(out: &mut String, when: &str) {
    let _ = writeln!(out, "\n-- Your data, {when}:\n");
}

/// A name may hold anything, and a comment ends with its line.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// The statements, and the author's own places between them.
fn change(
    out: &mut String,
    before: &Schema,
    after: &Schema,
    found: &Diff,
    answers: &Answers,
    settings: &DraftSettings,
) -> Result<()> {
    place(out, "before the change");
    let parts = middle(before, after, found)
        .map(|middle| two_parts(before, &middle, after, answers, settings))
        .transpose()?
        .flatten();
    match parts {
        Some((first, rest)) => {
            out.push_str(&first);
            place(out, "old and new side by side: carry the rows over");
            out.push_str(&rest);
        }
        None => statements(out, before, after, found, settings),
    }
    place(out, "after the change");
    Ok(())
}

/// The statements before and behind the place where old and new stand side by side. None where renames come together
/// with a table that has to be made anew for the first part: its text would speak of old names.
fn two_parts(
    before: &Schema,
    middle: &Schema,
    declared: &Schema,
    answers: &Answers,
    settings: &DraftSettings,
) -> Result<Option<(String, String)>> {
    let first = diff(before, middle, answers, &Options::default())?;
    let steps = plan(before, middle, &first, &facts(before, &first, settings)).steps;
    let rebuilds = steps.iter().any(|step| step.strategy == Strategy::Rebuild);
    if rebuilds && !first.renames.is_empty() {
        return Ok(None);
    }
    // The renames are made in the first part; what is left is compared by the new names.
    let mut rest = Answers::default();
    rest.drop_the_rest = true;
    let second = diff(middle, declared, &rest, &Options { strict_order: settings.strict_order })?;
    let (mut one, mut two) = (String::new(), String::new());
    statements(&mut one, before, middle, &first, settings);
    statements(&mut two, middle, declared, &second, settings);
    Ok(Some((one, two)))
}

/// The planner's statements as a script.
fn statements(out: &mut String, before: &Schema, after: &Schema, diff: &Diff, settings: &DraftSettings) {
    let facts = facts(before, diff, settings);
    for step in plan(before, after, diff, &facts).steps {
        // Not the object first: a table may be called `whimbrel`, and what follows would read as a directive.
        let _ = writeln!(out, "-- {} ({})", one_line(&step.title), one_line(&step.object));
        for statement in &step.statements {
            match statement {
                Statement::Execute(_) | Statement::Copy(_) | Statement::Fill(_) => {
                    let _ = writeln!(out, "{};", tidy(&statement.sql()));
                }
                // The runner compares the schema and the foreign keys itself; a copy without a condition copies all.
                Statement::Check { .. } | Statement::RaiseSchemaVersion => {}
            }
        }
    }
}

/// A statement of the planner's as a person would write it: without `main.`, which the runner makes sure that nothing
/// hides, and names of plain statements without quotes. What the schema's author wrote stays as it is.
fn tidy(sql: &str) -> String {
    let tokens = tokenize(sql).unwrap_or_default();
    let is = |n: usize, word: &str| tokens.get(n).is_some_and(|t| t.is(sql, word));
    // The planner's own names are quoted. SQLite's tables stay qualified: a temporary table may bring a second one.
    let is_planned = |n: usize| {
        let name = tokens.get(n).filter(|t| t.kind == TokenKind::Quoted).and_then(|t| t.name(sql));
        name.is_some_and(|name| !is_internal(&name))
    };
    // Behind CREATE and the kind of object, a name that needs no quotes has none.
    let is_made = |n: usize| {
        let name = tokens.get(n).filter(|_| n <= 5 && is(0, "create")).and_then(|t| t.name(sql));
        name.is_some_and(|name| !is_internal(&name))
    };
    let is_qualifier = |n: usize| is(n, "main") && is(n + 1, ".") && (is_planned(n + 2) || is_made(n + 2));
    // ADD COLUMN ends with the declared column, and everything else here holds names only.
    let adds = tokens.iter().take(8).any(|t| t.is(sql, "add"));
    let names_only = is(0, "drop") || is(0, "alter");
    let mut out = String::with_capacity(sql.len());
    let mut last = 0;
    for (n, token) in tokens.iter().enumerate() {
        if is_qualifier(n) {
            out.push_str(&sql[last..token.range.start]);
            last = tokens[n + 1].range.end;
            continue;
        }
        let reach = if adds { 5 } else { tokens.len() };
        let name = (names_only && n < reach && token.kind == TokenKind::Quoted).then(|| token.name(sql)).flatten();
        if let Some(name) = name.filter(|name| is_plain_everywhere(name)) {
            out.push_str(&sql[last..token.range.start]);
            out.push_str(&name);
            last = token.range.end;
        }
    }
    out.push_str(&sql[last..]);
    out
}

/// All that can be known: every table has rows, and in every column that becomes NOT NULL some are NULL.
fn facts(before: &Schema, diff: &Diff, settings: &DraftSettings) -> Facts {
    let mut facts = Facts { version: settings.minimum_sqlite, fired: fired_by_update(before), ..Facts::default() };
    facts.rows = before.tables.iter().map(|t| (fold(&t.name), 1)).collect();
    let names = before.tables.iter().map(|t| &t.name).chain(before.virtual_tables.iter().map(|t| &t.name));
    let names = names.chain(before.indexes.iter().map(|i| &i.name)).chain(before.views.iter().map(|v| &v.name));
    facts.names = names.map(|name| fold(name)).collect();
    for (n, change) in diff.changes.iter().enumerate() {
        let Change::AlterTable(change) = change else { continue };
        for (p, part) in change.parts.iter().enumerate() {
            if matches!(part, Part::AlterColumn { before, after } if before.not_null.is_none() && after.not_null.is_some())
            {
                facts.nulls.insert((n, p), 1);
            }
        }
    }
    facts
}

/// What the rows lose, whatever they hold: as `push` would ask them, and as the planner says.
fn losses(before: &Schema, after: &Schema, diff: &Diff, settings: &DraftSettings) -> Vec<String> {
    let asked = probes(before, after, diff).into_iter().filter_map(|probe| match probe.kind {
        ProbeKind::Loss(what) => Some(what),
        ProbeKind::Altered(_)
        | ProbeKind::NoValue(_)
        | ProbeKind::Filled(_)
        | ProbeKind::AsText(_)
        | ProbeKind::Misplaced
        | ProbeKind::Defaulted
        | ProbeKind::Computed
        | ProbeKind::Misfit(_) => None,
    });
    let mut losses: Vec<String> = asked.collect();
    let steps = plan(before, after, diff, &facts(before, diff, settings)).steps;
    let planned = steps.iter().flat_map(|step| &step.hazards).filter_map(|hazard| match hazard {
        Hazard::DataLoss { what, .. } => Some(what.clone()),
        _ => None,
    });
    for what in planned {
        if !losses.contains(&what) {
            losses.push(what);
        }
    }
    losses
}

/// What rows may keep the script from running.
fn warnings(diff: &Diff) -> Vec<String> {
    let mut warnings = Vec::new();
    for change in &diff.changes {
        let Change::AlterTable(change) = change else {
            if let Change::CreateIndex(index) = change
                && index.unique
            {
                warnings.push(format!("index {} fails on rows that are alike", index.name));
            }
            continue;
        };
        let table = &change.after.name;
        for part in &change.parts {
            match part {
                Part::AlterColumn { before, after } => {
                    let becomes_not_null = before.not_null.is_none() && after.not_null.is_some();
                    if becomes_not_null && after.backfill.is_none() && after.default_value().is_none() {
                        warnings.push(format!(
                            "{table}.{} fails on rows that are NULL: give them a value before the change",
                            after.name
                        ));
                    }
                    if !before.declared_type.eq_ignore_ascii_case(&after.declared_type) {
                        warnings.push(format!(
                            "{table}.{} is {} and becomes {}: SQLite converts the values that it can",
                            after.name,
                            kind(before),
                            kind(after)
                        ));
                    }
                }
                Part::AddColumn(column)
                    if column.not_null.is_some()
                        && column.default_value().is_none()
                        && column.backfill.is_none()
                        && column.generated.is_none() =>
                {
                    warnings.push(format!(
                        "{table}.{} has no value for the rows that are there: fill it between the two parts, or give it a default",
                        column.name
                    ));
                }
                Part::AddUnique(_) => warnings.push(format!("the UNIQUE of {table} fails on rows that are alike")),
                Part::AddCheck(_) => warnings.push(format!("the CHECK of {table} fails on rows that break it")),
                Part::AddForeignKey(key) => {
                    warnings.push(format!("the foreign key of {table} fails on rows without a {}", key.parent));
                }
                _ => {}
            }
        }
    }
    warnings
}

fn kind(column: &Column) -> &str {
    if column.declared_type.is_empty() { "of no type" } else { &column.declared_type }
}

/// What changes, in words.
fn describe(diff: &Diff) -> Vec<String> {
    let mut lines = Vec::new();
    for change in &diff.changes {
        let object = format!("{} {}", change.object_kind(), change.object());
        match change {
            Change::AlterTable(table) => {
                lines.extend(table.parts.iter().map(|part| format!("{object}: {} {}", part.sign(), part.describe())));
            }
            _ => lines.push(format!("{} {object}", change.sign())),
        }
    }
    lines
}

/// The schema in which old and new stand side by side, where something goes and something comes.
fn middle(before: &Schema, after: &Schema, diff: &Diff) -> Option<Schema> {
    let comes = diff.changes.iter().any(|change| match change {
        Change::CreateTable(_) => true,
        Change::AlterTable(change) => change.parts.iter().any(|part| matches!(part, Part::AddColumn(_))),
        _ => false,
    });
    // A column that has to be filled before it can be NOT NULL needs the place as well.
    let is_to_be_filled = |column: &Column| {
        let has_value = column.default_value().is_some() || column.backfill.is_some() || column.generated.is_some();
        column.not_null.is_some() && !has_value
    };
    let goes = diff.changes.iter().any(|change| match change {
        Change::DropTable(_) => true,
        Change::AlterTable(change) => change.parts.iter().any(|part| match part {
            Part::DropColumn(_) => true,
            Part::AddColumn(column) => is_to_be_filled(column),
            _ => false,
        }),
        _ => false,
    });
    if !comes || !goes {
        return None;
    }
    let mut middle = diff.renames.apply(before).into_owned();
    if !diff.renames.is_empty() {
        // Values know the new names, and texts still speak of the old ones. Where the declared text means the same it is
        // taken; what is going to change anyway is left out for the time being.
        let declared = |name: &str, meaning: &str| after.view(name).filter(|view| view.meaning() == meaning).cloned();
        middle.views = middle.views.iter().filter_map(|view| declared(&view.name, &view.meaning())).collect();
        let declared = |name: &str, meaning: &str| after.trigger(name).filter(|t| t.meaning() == meaning).cloned();
        middle.triggers = middle.triggers.iter().filter_map(|t| declared(&t.name, &t.meaning())).collect();
        let declared = |name: &str, meaning: &str| after.index(name).filter(|i| i.meaning() == meaning).cloned();
        middle.indexes = middle.indexes.iter().filter_map(|i| declared(&i.name, &i.meaning())).collect();
    }
    for change in &diff.changes {
        match change {
            // Under the name of something old it can only come when that is gone.
            Change::CreateTable(table) if !is_taken(&middle, &table.name) => {
                middle.tables.push(Arc::new(table.clone()))
            }
            Change::AlterTable(change) => {
                let Some(table) = middle.tables.iter_mut().find(|t| same_name(&t.name, &change.after.name)) else {
                    continue;
                };
                add_columns(Arc::make_mut(table), change);
            }
            _ => {}
        }
    }
    Some(middle)
}

fn is_taken(schema: &Schema, name: &str) -> bool {
    schema.table(name).is_some()
        || schema.view(name).is_some()
        || schema.index(name).is_some()
        || schema.virtual_table(name).is_some()
}

/// Adds the new columns, nullable where they have no value of their own yet.
fn add_columns(table: &mut Table, change: &TableChange) {
    for part in &change.parts {
        let Part::AddColumn(column) = part else { continue };
        let is_there = table.column(&column.name).is_some();
        // A generated column, or one that is a key, comes with the rest.
        // So does one whose rows get a value of their own by the declaration.
        if is_there
            || column.backfill.is_some()
            || column.generated.is_some()
            || change.after.in_primary_key(&column.name)
        {
            continue;
        }
        let has_value = column.default_value().is_some();
        table.columns.push(Column {
            not_null: column.not_null.clone().filter(|_| has_value),
            origin: crate::schema::Origin::default(),
            backfill: None,
            renamed_from: None,
            ..column.clone()
        });
        table.definition = None;
    }
}

/// The script from the new schema back to the old one, and what is lost on it.
fn way_back(
    before: &Schema,
    after: &Schema,
    up: &Diff,
    settings: &DraftSettings,
) -> Result<(Option<String>, Vec<String>)> {
    let answers = said(&up.renames, true)?;
    let mut target = before.clone();
    for table in &mut target.tables {
        let table = Arc::make_mut(table);
        table.renamed_from = None;
        for column in &mut table.columns {
            column.renamed_from = None;
            // It was of the way there, and may read what is gone by now.
            column.backfill = None;
        }
    }
    let found = diff(after, &target, &answers, &Options { strict_order: settings.strict_order })?;
    let losses = losses(after, &target, &found, settings);
    let mut down = String::new();
    for loss in &losses {
        let _ = writeln!(down, "-- Lost on the way down: {}", one_line(loss));
    }
    for gone in self::losses(before, after, up, settings) {
        let _ = writeln!(down, "-- Comes back empty: {}", one_line(&gone));
    }
    for warning in warnings(&found) {
        let _ = writeln!(down, "-- Note: {}", one_line(&warning));
    }
    change(&mut down, after, &target, &found, &answers, settings)?;
    Ok((Some(down), losses))
}

/// The renames as answers, so that what follows does not depend on hints or ids; or those of the way back.
fn said(renames: &Renames, back: bool) -> Result<Answers> {
    let mut answers = Answers::default();
    answers.drop_the_rest = true;
    let turned = |pair: &(String, String)| match back {
        true => (pair.1.clone(), pair.0.clone()),
        false => pair.clone(),
    };
    for table in &renames.tables {
        let (from, to) = turned(&(table.before.clone(), table.after.clone()));
        if from != to {
            answers.rename(&path(&[&from]), &path(&[&to]))?;
        }
        for (old, new) in table.columns.iter().map(turned) {
            answers.rename(&path(&[&from, &old]), &path(&[&new]))?;
        }
    }
    for (from, to) in renames.virtual_tables.iter().map(turned) {
        answers.rename(&path(&[&from]), &path(&[&to]))?;
    }
    Ok(answers)
}

/// A path of names as answers read it.
fn path(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect();
    quoted.join(".")
}
