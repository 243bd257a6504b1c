//! Two schemas of PostgreSQL → the scripts of a migration and of its way back.
//!
//! The steps are the planner's, made for databases of which nothing is known but that they have rows and are in use. They
//! are tried out on an empty copy before they are offered. What has to stand alone does so in the script, too: each such
//! statement is recorded by itself.

use std::fmt::Write as _;

use super::diff::Change;
use super::host::Host;
use super::prepare::{Settings, Wanted, make_draft_plan};
use super::resolve::KINDS;
use super::schema::{Kind, Schema};
use super::scratch::Scratch;
use super::steps::{Plan, Statement, Step};
use super::token::{quote_literal, tokenize};
use crate::diff::{Answer, Question};
use crate::error::{Code, Result};
use crate::history::author::Draft;
use crate::plan::Hazard;

/// Drafts the migration from one schema to another.
///
/// # Errors
/// [`Code::DataLoss`] where something would be lost and that was not accepted; whatever keeps the plan from running.
pub async fn draft<H: Host>(
    host: &mut H,
    mut scratch: Scratch<'_, H>,
    before: &Schema,
    wanted: &Wanted,
    settings: &Settings,
    resolver: &mut (dyn FnMut(&Question) -> Option<Answer> + Send),
) -> Result<Draft> {
    let (plan, warnings) = make_draft_plan(host, scratch.again(), before.clone(), wanted, settings, resolver).await?;
    let mut out = Draft { schema: plan.target.clone().into(), ..Draft::default() };
    if !plan.questions.is_empty() {
        out.questions.clone_from(&plan.questions);
        return Ok(out);
    }
    if let Some(obstacle) = plan.obstacles.first() {
        return Err(plan.obstacles[1..]
            .iter()
            .take(9)
            .fold(obstacle.again(), |error, other| error.help(format!("and {}", other.report().message))));
    }
    if plan.changes.is_empty() {
        return Ok(out);
    }
    out.changes = describe(&plan);
    out.losses = losses(&plan);
    out.warnings = warnings.into_iter().chain(plan.warnings.iter().cloned()).collect();
    header(&mut out.up, &out.changes, &out.losses, &out.warnings);
    place(&mut out.up, "before the change");
    statements(&mut out.up, &plan);
    place(&mut out.up, "after the change");
    let back = Settings { answers: reversed(&plan), accept_data_loss: true, ..settings.clone() };
    let wanted = Wanted::Schema(Box::new(before.clone()));
    let way_back = make_draft_plan(host, scratch, plan.target.clone(), &wanted, &back, &mut |_| None).await;
    match way_back {
        Ok((down, notes)) if down.obstacles.is_empty() => {
            let mut text = String::new();
            out.down_losses = losses(&down);
            for loss in &out.down_losses {
                let _ = writeln!(text, "-- Lost on the way down: {}", one_line(loss));
            }
            for note in notes {
                let _ = writeln!(text, "-- Note: {}", one_line(&note));
            }
            statements(&mut text, &down);
            out.down = Some(text);
        }
        // What cannot be undone is told, and the author may know a way.
        Ok((down, _)) => {
            if let Some(why) = down.obstacles.first() {
                out.warnings.push(format!("there is no way back: {}", why.report().message));
            }
        }
        Err(e) if e.code() == Code::Unsupported => {
            out.warnings.push(format!("there is no way back: {}", e.report().message))
        }
        Err(e) => return Err(e),
    }
    Ok(out)
}

/// The renames of a plan, the other way round; all else that goes is gone.
fn reversed(plan: &Plan) -> crate::diff::Answers {
    use super::diff::Part;
    let takes_an_answer = |kind: Kind| kind == Kind::Namespace || KINDS.contains(&kind);
    let mut answers = crate::diff::Answers::default();
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let path = |id: &super::schema::ObjectId| match id.schema.as_str() {
        "" | "public" => quoted(&id.name),
        schema => format!("{}.{}", quoted(schema), quoted(&id.name)),
    };
    for change in &plan.changes {
        let Change::Alter(alteration) = change else { continue };
        for part in &alteration.parts {
            // What has no such answer is dropped and made anew on the way back.
            let _ = match part {
                // What is on a table is found again by what it is.
                Part::Rename(before) if takes_an_answer(before.kind) => {
                    answers.rename(&path(&alteration.after.id), &path(before))
                }
                Part::RenameColumn { before, after } => {
                    let table = path(&alteration.after.id);
                    answers.rename(&format!("{table}.{}", quoted(after)), &quoted(before))
                }
                Part::RenameValue { before, after } => {
                    let of = path(&alteration.after.id);
                    answers.rename(&format!("{of}.{}", quoted(after)), &quoted(before))
                }
                _ => Ok(()),
            };
        }
    }
    answers
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

/// What changes, in words.
fn describe(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for change in &plan.changes {
        match change {
            Change::Alter(alteration) => {
                let parts = alteration.parts.iter();
                lines.extend(parts.map(|part| format!("{}: {} {}", change.id(), part.sign(), part.describe())));
            }
            _ => lines.push(format!("{} {}", change.sign(), change.id())),
        }
    }
    lines
}

fn losses(plan: &Plan) -> Vec<String> {
    let mut losses: Vec<String> = Vec::new();
    for hazard in plan.steps.iter().flat_map(|step| &step.hazards) {
        if let Hazard::DataLoss { what, .. } = hazard
            && !losses.contains(what)
        {
            losses.push(what.clone());
        }
    }
    losses
}

/// How what follows is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Transaction,
    Alone,
}

/// The steps of a plan as a script.
fn statements(out: &mut String, plan: &Plan) {
    let mut last = Last::Nothing;
    let mut number = 1;
    for group in plan.groups() {
        // A group is committed by itself.
        let first = group.iter().flat_map(|step| &step.statements).next();
        let stands_alone = matches!(first, Some(Statement::Outside { .. } | Statement::Backfill { .. }));
        if last == Last::Transaction && !stands_alone {
            last = phase(out, &mut number);
        }
        for step in group {
            last = write_step(out, step, last);
        }
    }
}

fn phase(out: &mut String, number: &mut u32) -> Last {
    *number += 1;
    let _ = writeln!(out, "\n-- whimbrel: phase {number}");
    Last::Nothing
}

fn write_step(out: &mut String, step: &Step, mut last: Last) -> Last {
    // Not the object first: what follows would read as a directive where a table is called `whimbrel`.
    let _ = writeln!(out, "-- {} ({})", one_line(&step.title), one_line(&step.object));
    for statement in &step.statements {
        match statement {
            Statement::Execute(sql) => {
                if is_routine(sql) {
                    // Its body may name what comes later.
                    let _ = writeln!(out, "SET LOCAL check_function_bodies = off;");
                }
                let _ = writeln!(out, "{sql};");
                last = Last::Transaction;
            }
            Statement::Check { sql, failure } => {
                let tag = (0..).map(|n| format!("$check{n}$")).find(|tag| !sql.contains(tag.as_str()));
                let tag = tag.unwrap_or_default();
                let _ = writeln!(
                    out,
                    "DO {tag} BEGIN\n  IF ({sql}) <> 0 THEN\n    RAISE EXCEPTION USING ERRCODE = 'check_violation', \
                     MESSAGE = {};\n  END IF;\nEND {tag};",
                    quote_literal(failure)
                );
                last = Last::Transaction;
            }
            Statement::Outside { sql, .. } => {
                let _ = writeln!(out, "-- whimbrel: alone\n{sql};");
                last = Last::Alone;
            }
            Statement::Backfill { sql, left, table, .. } => {
                // The last clause is the condition.
                let update = sql.strip_suffix(left.as_str()).unwrap_or(sql);
                let _ = writeln!(
                    out,
                    "-- whimbrel: backfill\n{update}ctid = ANY (ARRAY(SELECT ctid FROM {} WHERE {left} LIMIT 5000));",
                    table.sql()
                );
                last = Last::Alone;
            }
        }
    }
    last
}

fn is_routine(sql: &str) -> bool {
    let tokens = tokenize(sql).unwrap_or_default();
    tokens.first().is_some_and(|token| token.is(sql, "create"))
        && tokens.iter().take(4).any(|token| token.is(sql, "function") || token.is(sql, "procedure"))
}
